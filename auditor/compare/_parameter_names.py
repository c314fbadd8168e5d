"""Which tensor of an adapter an optimizer's parameter is: optimizer.pt numbers its parameters and names none.

The numbers follow ``model.named_parameters()`` (transformers 5.23.0, trainer.py, `create_optimizer`): first every
parameter with weight decay, then biases and norms. A model lists its layers in order and, within a layer, its modules
in the order in which they were built; a LoRA layer lists lora_A, lora_B, then embeddings' factors and the magnitude
(peft 0.21.2, tuners/lora/layer.py). A safetensors file is sorted by name and keeps no such order, so it has to be
known or guessed, and every shape has to fit.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.architectures._names import module_key
from auditor.architectures._parts import Tower
from auditor.artifacts.adapter_weights import AdapterWeights

Shape = tuple[int, ...]
_NUMBER = re.compile(r"\d{1,9}")
_USUAL = (
    *("embed_tokens", "wte", "word_embeddings", "wpe"),
    *("self_attn", "self_attention", "attention", "attn", "crossattention", "encoder_attn"),
    *(
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "qkv_proj",
        "query_key_value",
        "c_attn",
        "query",
        "key",
        "value",
    ),
    *("out_proj", "dense", "c_proj", "mlp", "block_sparse_moe", "experts", "gate", "gate_proj", "up_proj"),
    *("gate_up_proj", "down_proj", "dense_h_to_4h", "dense_4h_to_h", "c_fc", "fc_in", "fc_out", "fc1", "fc2"),
    *("multi_modal_projector", "lm_head", "score", "classifier"),
)
"""Children in the order in which most decoders of transformers 5.23.0 build them (models/llama/modeling_llama.py and
its kin); k comes before v and both before q in some others, which shapes often show.
"""
_RANKS = {word: place for place, word in enumerate(_USUAL)}
_PARTS = (
    *("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"),
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
    """Orders to try, the surest first; each also without what is saved and not trained."""
    places = {module_key(name): place for place, name in enumerate(modules)}
    ways: list[tuple[str, list[str]]] = []
    if places:
        ways.append(
            ("the order of the base model's modules", sorted(weights.tensors, key=_by_place(weights, places)))
        )
    if weights.format == "torch":
        ways.append(("the order of the adapter's file", list(weights.tensors)))
    ways.append(("the usual order of modules", sorted(weights.tensors, key=_natural)))
    for by, names in ways:
        lora = [name for name in names if ".lora_" in name]
        for chosen in (names, lora) if len(lora) < len(names) else (names,):
            yield by, _parted(chosen) if parted else chosen


class _by_place:  # noqa: N801 - a key function with a table
    """Sort key: the module's place in the base model, then the part of its LoRA layer."""

    def __init__(self, weights: AdapterWeights, places: Mapping[tuple[Tower, str], int]) -> None:
        self.weights, self.places = weights, places

    def __call__(self, name: str) -> tuple[object, ...]:
        place = self.places.get(module_key(self.weights.module_of(name)), len(self.places))
        return place, _part(name.split(".")), name


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: numbers by value, known children by `_USUAL`, others between them by name."""
    words = name.split(".")
    key = [
        (0, int(word), "") if _NUMBER.fullmatch(word) else (1, _RANKS.get(word, len(_RANKS)), word)
        for word in words
        if word not in _PARTS
    ]
    return (*key, (2, _part(words), ""))


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
