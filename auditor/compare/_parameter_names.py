"""Which tensor of an adapter an optimizer's parameter is: optimizer.pt numbers its parameters and names none.

The numbers follow ``model.named_parameters()`` (transformers 5.23.0, trainer.py, `create_optimizer`): first every
parameter with weight decay, then biases and norms. A model lists its layers in order and, within a layer, its modules
in the order in which they were built; a LoRA layer lists lora_A, lora_B, then embeddings' factors and the magnitude
(peft 0.21.2, tuners/lora/layer.py). A safetensors file is sorted by name and keeps no such order, so it has to be
known or guessed, and every shape has to fit.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.architectures._names import module_key
from auditor.architectures._parts import Tower
from auditor.architectures._wrapping import candidates
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig

Shape = tuple[int, ...]
_NUMBER = re.compile(r"\d{1,9}")
_ORDER = (
    # Towers and halves of a model; CLIP builds its text first, what wraps a language model its images.
    *("text_model", "vision_tower", "visual", "vision_model", "multi_modal_projector", "language_model"),
    *(
        "encoder",
        "decoder",
        "embed_tokens",
        "wte",
        "word_embeddings",
        "wpe",
        "project_out",
        "project_in",
        "layers",
    ),
    # Parts of a layer.
    *("self_attn", "self_attention", "attention", "attn", "SelfAttention", "encoder_attn", "EncDecAttention"),
    *("mlp", "intermediate", "ffn", "altup", "laurel", "per_layer_input_gate", "per_layer_projection"),
    *("self", "output", "qkv", "proj", "query_key_value", "c_attn", "c_fc", "c_proj"),
    *("query", "q_proj", "q_lin", "q", "query_proj", "key", "k_proj", "k_lin", "k", "key_proj"),
    *("value", "v_proj", "v_lin", "v", "value_proj", "pos_key_proj", "pos_query_proj"),
    *("dense", "o_proj", "out_proj", "out_lin", "o", "qkv_proj", "dense_h_to_4h", "dense_4h_to_h"),
    *("gate", "router", "experts", "gate_proj", "gate_up_proj", "up_proj", "down_proj", "fc1", "fc2"),
    *("wi", "wi_0", "wi_1", "wo", "lin1", "lin2", "shared_expert", "shared_expert_gate"),
    *("correction_coefs", "prediction_coefs", "modality_router"),
    *("per_layer_model_projection", "altup_projections", "altup_unembed_projections"),
)
"""Children in the order in which most models of transformers 5.23.0 build them (models/*/modeling_*.py)."""
_LAST = (
    "pooler",
    "lm_head",
    "embed_out",
    "score",
    "visual_projection",
    "text_projection",
    "pre_classifier",
    "classifier",
)
_PLACES = {word: place for place, word in enumerate(_ORDER)}
_PLACES |= {word: len(_ORDER) + 1 + place for place, word in enumerate(_LAST)}
_OTHER = len(_ORDER)
_BART = {"k_proj": 0, "v_proj": 1, "q_proj": 2, "out_proj": 3}
"""Attention whose output is called out_proj lists keys and values first: OPT, Whisper, CLIP, SigLIP, BART."""
_PARTS = (
    *("base_layer", "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"),
    *("modules_to_save", "original_module"),
)
_WITHOUT_DECAY = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)", re.IGNORECASE)
"""Names that the Trainer gives no weight decay (transformers 5.23.0, trainer.py, `get_decay_parameter_names`)."""


@dataclass(frozen=True, slots=True)
class Matched:
    """``names`` by parameter index; ``by`` says by what, empty when nothing fits; ``faults`` are sentences."""

    names: Mapping[int, str]
    by: str = ""
    faults: tuple[str, ...] = ()


def module_order(base: BaseConfig | None, config: AdapterConfig | None) -> tuple[str, ...]:
    """The base model's modules in the order in which it lists them; () where its structure is not known."""
    found = candidates(base, config) if base is not None and config is not None else ""
    return () if isinstance(found, str) else tuple(module.name for module in found[0].modules if module.name)


def matched(
    groups: Sequence[Sequence[int]],
    names: Mapping[int, str],
    shapes: Mapping[int, Shape | None],
    weights: AdapterWeights | None,
    modules: Sequence[str] = (),
) -> Matched:
    """Name the parameters of an optimizer.

    ``groups`` are the indices of each group, ``names`` those that the file itself gives, ``shapes`` the parameters'
    shapes as far as their states tell, ``modules`` the base model's module names in its own order where known.
    """
    if names:
        return Matched(names, "the names in the file", tuple(_misshapen(names, shapes, weights)))
    if weights is None:
        return Matched({})
    indices = [index for group in groups for index in group]
    for by, tensors in _orders(weights, modules, len([group for group in groups if group]) > 1):
        if len(tensors) == len(indices):
            pairs = dict(zip(indices, tensors, strict=True))
            if all(shapes.get(i) in (None, weights.tensors[name].shape) for i, name in pairs.items()):
                return Matched(pairs, by)
    return Matched({}, "", tuple(_faults(indices, shapes, weights)))


def _misshapen(
    names: Mapping[int, str], shapes: Mapping[int, Shape | None], weights: AdapterWeights | None
) -> Iterator[str]:
    for index, name in names.items():
        info = weights.tensors.get(name) if weights is not None else None
        shape = shapes.get(index)
        if info is not None and shape is not None and info.shape != shape:
            two = f"{_said(shape)} in the optimizer and {_said(info.shape)} in the adapter"
            yield f"parameter {index}, {name[:200]}, is {two}"
            return


def _orders(weights: AdapterWeights, modules: Sequence[str], parted: bool) -> Iterator[tuple[str, list[str]]]:
    """Orders to try, the surest first; each also without copies of the base, and with LoRA's tensors alone."""
    places = {module_key(name): place for place, name in enumerate(modules)}
    ways: list[tuple[str, list[str]]] = []
    if places:
        ways.append(
            ("the order of the base model's modules", sorted(weights.tensors, key=_ByPlace(weights, places)))
        )
    if weights.format == "torch":
        ways.append(("the order of the adapter's file", list(weights.tensors)))
    ways.append(("the usual order of modules", sorted(weights.tensors, key=_Usual(weights.tensors))))
    for by, names in ways:
        own = [name for name in names if not name.endswith(".base_layer.weight")]
        lora = [name for name in names if ".lora_" in name]
        for chosen in {len(some): some for some in (names, own, lora)}.values():
            yield by, _parted(chosen) if parted else chosen


class _ByPlace:
    """Sort key: the module's place in the base model, then the part of its LoRA layer."""

    def __init__(self, weights: AdapterWeights, places: Mapping[tuple[Tower, str], int]) -> None:
        self.weights, self.places = weights, places

    def __call__(self, name: str) -> tuple[object, ...]:
        place = self.places.get(module_key(self.weights.module_of(name)), len(self.places))
        return place, _part(name.split(".")), name


class _Usual:
    """Sort key: numbers by value, children by `_ORDER`, others by name behind them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.like_bart = {_tower(name) for name in names if ".out_proj." in name} - {""}

    def __call__(self, name: str) -> tuple[tuple[int, int, str], ...]:
        own = _BART if _tower(name) in self.like_bart else {}
        words = name.split(".")
        key = [
            (0, int(word), "")
            if _NUMBER.fullmatch(word)
            else (1, own.get(word, _PLACES.get(word, _OTHER)), word)
            for word in words
            if word not in _PARTS
        ]
        return (*key, (2, _part(words), ""))


def _tower(name: str) -> str:
    """What stands before the number of the layer."""
    words = name.split(".")
    return ".".join(words[: next((at for at, word in enumerate(words) if _NUMBER.fullmatch(word)), 0)])


def _part(words: Sequence[str]) -> int:
    return next((place for place, part in enumerate(_PARTS) if part in words), len(_PARTS))


def _parted(names: Sequence[str]) -> list[str]:
    """Those with weight decay first, as the Trainer groups them."""
    return sorted(names, key=lambda name: bool(_WITHOUT_DECAY.search(name)))


def _faults(
    indices: Sequence[int], shapes: Mapping[int, Shape | None], weights: AdapterWeights
) -> Iterator[str]:
    """Why no order fits."""
    known = Counter(shape for index in indices if (shape := shapes.get(index)) is not None)
    held = Counter(info.shape for info in weights.tensors.values())
    if len(indices) != len(weights.tensors):
        yield f"the optimizer lists {len(indices):,} parameters, and the adapter holds {len(weights.tensors):,} tensors"
    odd = known - held
    if odd:
        shape, count = next(iter(odd.items()))
        more = f" and {len(odd) - 1:,} more shapes" if len(odd) > 1 else ""
        yield f"{count:,} states of shape {_said(shape)}{more} belong to no tensor of the adapter"
    elif len(indices) == len(weights.tensors):
        yield "the shapes are those of the adapter in another order, so parameters are not named"


def _said(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
