"""Which linear modules a base model has and how many parameters, by arithmetic on its configuration.

Shapes follow transformers 5.23.0: models/{gemma3,siglip,llama,mistral,qwen2}/modeling_*.py. Other model
types give None: no guess is made.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from auditor.artifacts.base_config import BaseConfig, TextShape, VisionShape

Tower = Literal["text", "vision", "head", "projector"]
LAYER_LIMIT = 1_000
"""Most layers a tower is believed to have; bounds the list that a hostile config.json can ask for."""
_TEXT_TYPES = frozenset({"gemma3_text", "llama", "mistral", "qwen2"})
_LAYER = re.compile(r"(?:^|\.)(layers\.\d+\..+)$")


@dataclass(frozen=True, slots=True)
class LinearModule:
    """One nn.Linear with a weight of shape (out_features, in_features).

    ``name`` is the spelling of transformers 4.52 to 4.57; 5.x drops the part ``vision_model``.
    """

    name: str
    in_features: int
    out_features: int
    tower: Tower
    bias: bool = False

    @property
    def key(self) -> tuple[Tower, str]:
        """See `module_key`."""
        return module_key(self.name)

    def lora_parameters(self, rank: int) -> int:
        """Elements of lora_A and lora_B together."""
        return rank * (self.in_features + self.out_features)


@dataclass(frozen=True, slots=True)
class Counts:
    """Parameter elements. ``head`` is 0 when tied; embeddings are nn.Embedding weights only."""

    text: int
    vision: int
    projector: int
    head: int
    text_embedding: int
    vision_embedding: int

    @property
    def non_embedding(self) -> int:
        """What ``num_parameters(exclude_embeddings=True)`` counts, the factor of total_flos."""
        return self.text + self.vision + self.projector + self.head

    @property
    def total(self) -> int:
        """Every parameter once (a tied head is its embedding)."""
        return self.non_embedding + self.text_embedding + self.vision_embedding


def module_key(name: str) -> tuple[Tower, str]:
    """A module's tower and its name from ``layers.`` on, equal for every release's spelling.

    ``language_model.model.layers.0.mlp.up_proj`` (transformers <= 4.51) and
    ``model.language_model.layers.0.mlp.up_proj`` (>= 4.52) are both ("text", "layers.0.mlp.up_proj").
    """
    parts = name.split(".")
    if parts[-1] == "lm_head":
        return "head", "lm_head"
    vision = "vision_tower" in parts or "vision_model" in parts
    match = _LAYER.search(name)
    tail = match.group(1) if match else ".".join(parts[-3:] if vision else parts)
    if "multi_modal_projector" in parts:
        return "projector", parts[-1]
    return ("vision" if vision else "text"), tail


def linear_modules(config: BaseConfig) -> tuple[LinearModule, ...] | None:
    """Every nn.Linear of the model, lm_head too whether tied or not; None for an unknown architecture."""
    text, vision = config.text, config.vision
    if text is None or not _is_known(config):
        return None
    found = list(_text_linears(text, config, "model.language_model" if vision else "model"))
    if vision is not None:
        found.extend(_vision_linears(vision, "model.vision_tower"))
    return (*found, LinearModule("lm_head", text.hidden_size, text.vocab_size, "head"))


def modules_by_key(config: BaseConfig) -> Mapping[tuple[Tower, str], LinearModule] | None:
    """`linear_modules` by `module_key`, to look up names of any release."""
    modules = linear_modules(config)
    return None if modules is None else {module.key: module for module in modules}


def parameter_counts(config: BaseConfig) -> Counts | None:
    """Elements by part; None for an unknown architecture or when tying is unknown."""
    text, vision = config.text, config.vision
    tied = config.tie_word_embeddings
    if text is None or tied is None or not _is_known(config):
        return None
    linears = sum(_elements(module) for module in _text_linears(text, config, "model"))
    embedding = text.vocab_size * text.hidden_size
    return Counts(
        text=linears + text.num_hidden_layers * _layer_norms(text, config) + text.hidden_size,
        vision=_vision_elements(vision) if vision else 0,
        # Gemma3MultiModalProjector: mm_input_projection_weight (vision x text) and mm_soft_emb_norm (vision).
        projector=vision.hidden_size * text.hidden_size + vision.hidden_size if vision else 0,
        head=0 if tied else embedding,
        text_embedding=embedding,
        vision_embedding=(vision.image_size // vision.patch_size) ** 2 * vision.hidden_size if vision else 0,
    )


def _is_known(config: BaseConfig) -> bool:
    if config.text is None or config.text_type not in _TEXT_TYPES:
        return False
    if config.text.num_hidden_layers > LAYER_LIMIT:
        return False
    if not config.is_multimodal:
        return True
    vision = config.vision
    return config.model_type == "gemma3" and vision is not None and vision.num_hidden_layers <= LAYER_LIMIT


def _elements(module: LinearModule) -> int:
    return module.in_features * module.out_features + (module.out_features if module.bias else 0)


def _layer_norms(text: TextShape, config: BaseConfig) -> int:
    """Gemma 3 has four RMS norms a layer and one each on queries and keys; the Llama family has two."""
    if config.text_type == "gemma3_text":
        return 4 * text.hidden_size + 2 * text.head_dim
    return 2 * text.hidden_size


def _text_linears(text: TextShape, config: BaseConfig, prefix: str) -> Iterator[LinearModule]:
    width, inner = text.hidden_size, text.intermediate_size
    queries, keys = text.num_attention_heads * text.head_dim, text.num_key_value_heads * text.head_dim
    # Qwen2Attention: bias on q, k, v and never on o. LlamaAttention: attention_bias on all four, mlp_bias.
    # Gemma3Attention: attention_bias on all four. MistralAttention: none.
    qwen, plain = config.text_type == "qwen2", config.text_type == "mistral"
    out_bias = text.attention_bias and not qwen and not plain
    in_bias = qwen or out_bias
    mlp_bias = text.mlp_bias and config.text_type == "llama"
    shapes = (
        ("self_attn.q_proj", width, queries, in_bias),
        ("self_attn.k_proj", width, keys, in_bias),
        ("self_attn.v_proj", width, keys, in_bias),
        ("self_attn.o_proj", queries, width, out_bias),
        ("mlp.gate_proj", width, inner, mlp_bias),
        ("mlp.up_proj", width, inner, mlp_bias),
        ("mlp.down_proj", inner, width, mlp_bias),
    )
    for layer in range(text.num_hidden_layers):
        for name, in_features, out_features, bias in shapes:
            yield LinearModule(f"{prefix}.layers.{layer}.{name}", in_features, out_features, "text", bias)


def _vision_linears(vision: VisionShape, prefix: str) -> Iterator[LinearModule]:
    """SigLIP: every linear has a bias."""
    width, inner = vision.hidden_size, vision.intermediate_size
    attention = tuple(
        (f"self_attn.{name}", width, width) for name in ("k_proj", "v_proj", "q_proj", "out_proj")
    )
    feed = (("mlp.fc1", width, inner), ("mlp.fc2", inner, width))
    for layer in range(vision.num_hidden_layers):
        for name, in_features, out_features in (*attention, *feed):
            where = f"{prefix}.vision_model.encoder.layers.{layer}.{name}"
            yield LinearModule(where, in_features, out_features, "vision", True)
    if vision.vision_use_head:
        for name, in_features, out_features in (("attention.out_proj", width, width), *feed):
            yield LinearModule(
                f"{prefix}.vision_model.head.{name}", in_features, out_features, "vision", True
            )


def _vision_elements(vision: VisionShape) -> int:
    """SiglipVisionTransformer without its position embedding."""
    width = vision.hidden_size
    patches = vision.num_channels * vision.patch_size**2 * width + width
    norms = vision.num_hidden_layers * 4 * width + 2 * width
    linears = sum(_elements(module) for module in _vision_linears(vision, ""))
    # SiglipMultiheadAttentionPoolingHead besides its linears: probe, in_proj weight and bias, one LayerNorm.
    head = width + 3 * width * width + 3 * width + 2 * width if vision.vision_use_head else 0
    return patches + norms + linears + head
