"""In which order PEFT comes to an adapter's modules: that of the base's ``named_modules()``.

``inject_adapter`` walks ``model.named_modules()`` (peft 0.6.2 to 0.21.2, tuners/tuners_utils.py), so the order is that
in which the base's classes register their parts. A file of torch keeps it, safetensors sorts by dtype and name. An
order found here is a first guess: the stream itself shows which module comes next.
"""

import re
from collections.abc import Mapping

from auditor.architectures._names import module_key
from auditor.architectures._structure import Structure
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import Draws

_VISION = frozenset({"vision_tower", "visual", "vision_model"})
_WORDS = (
    *(
        "embed_tokens",
        "wte",
        "word_embeddings",
        "wpe",
        "embeddings",
        "encoder",
        "decoder",
        "block",
        "layers",
        "h",
    ),
    *(
        "self_attn",
        "self_attention",
        "attention",
        "attn",
        "SelfAttention",
        "EncDecAttention",
        "self",
        "cross_attn",
    ),
    *(
        "encoder_attn",
        "query_key_value",
        "qkv_proj",
        "qkv",
        "c_attn",
        "q_proj",
        "query_proj",
        "query",
        "q_lin",
        "q",
    ),
    *(
        "k_proj",
        "key_proj",
        "key",
        "k_lin",
        "k",
        "v_proj",
        "value_proj",
        "value",
        "v_lin",
        "v",
        "o_proj",
        "out_lin",
    ),
    *(
        "o",
        "out_proj",
        "intermediate",
        "output",
        "ffn",
        "mlp",
        "feed_forward",
        "gate",
        "gate_up_proj",
        "gate_proj",
    ),
    *(
        "up_proj",
        "dense_h_to_4h",
        "c_fc",
        "fc1",
        "lin1",
        "wi",
        "wi_0",
        "wi_1",
        "down_proj",
        "dense_4h_to_h",
        "fc2",
    ),
    *("lin2", "wo", "c_proj", "dense"),
)
"""The usual order of a block's parts."""
_RANK = {word: position for position, word in enumerate(_WORDS)}
_LAST = frozenset({"lm_head", "score", "classifier", "qa_outputs", "embed_out"})
_NUMBER = re.compile(r"\d{1,9}")

Key = tuple[tuple[int, int, str], ...]


def likely_order(
    found: Mapping[str, Draws], weights: AdapterWeights, structure: Structure | None
) -> tuple[Draws, ...]:
    """The modules in the order of a torch file, else of the base's structure, else as blocks are usually built."""
    if weights.format == "torch":
        return tuple(found.values())
    places = _places(structure) if structure is not None else {}
    return tuple(sorted(found.values(), key=lambda d: (_place(d.module, places), _natural(d.module))))


def _places(structure: Structure) -> Mapping[tuple[str, str], int]:
    """Every module's place by its key in any release; a vision tower that is wrapped is built before the text."""
    first = any(_is_tower(module.name) for module in structure.modules)
    ordered = sorted(structure.modules, key=lambda m: first and not _is_tower(m.name))
    return {module_key(module.name): at for at, module in enumerate(ordered) if module.name}


def _place(module: str, places: Mapping[tuple[str, str], int]) -> int:
    return places.get(module_key(module), len(places)) if places else 0


def _is_tower(name: str) -> bool:
    """CLIP, whose text is built first, calls its tower vision_model alone."""
    words = name.split(".")
    return "vision_tower" in words or "visual" in words


def _natural(module: str) -> Key:
    words = module.split(".")
    tower = 0 if not _VISION.isdisjoint(words) else 2 if words[-1] in _LAST else 1
    return ((tower, 0, ""), *(_word(word) for word in words))


def _word(word: str) -> tuple[int, int, str]:
    if _NUMBER.fullmatch(word):
        return 0, int(word), ""
    return 1, _RANK.get(word, len(_RANK)), word
