"""Which tensors of an adapter belong together, by the names that PEFT gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from auditor.artifacts._safetensors import TensorInfo

PREFIX = "base_model.model."
"""What PeftModel puts before the base model's module names (peft 0.21.2, peft_model.py)."""
_A, _B, _MAGNITUDE = (
    ("lora_A", "lora_embedding_A"),
    ("lora_B", "lora_embedding_B"),
    ("lora_magnitude_vector",),
)
_MARKS = frozenset((*_A, *_B, *_MAGNITUDE))
BASE_LAYER = "base_layer"
_LONGEST = 400
"""Characters of a name whose parts are remembered."""
MOST_KNOWN = 4096
"""Tensors of a file that is remembered sorted out."""


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The LoRA tensors of one module: ``a`` is (r, in), ``b`` (out, r); a convolution has its kernel behind.

    For an embedding ``a`` is (r, vocabulary) and ``b`` (width, r). ``magnitude`` is DoRA's vector.
    """

    module: str
    a: TensorInfo | None = None
    b: TensorInfo | None = None
    magnitude: TensorInfo | None = None

    @property
    def rank(self) -> int | None:
        """Rows of A, else columns of B; None when neither tells."""
        if self.a is not None and self.a.shape:
            return self.a.shape[0]
        return self.b.shape[1] if self.b is not None and len(self.b.shape) > 1 else None

    @property
    def is_embedding(self) -> bool:
        """Whether these are the factors of an embedding, whose update is the transpose of B A."""
        return any(info is not None and ".lora_embedding_" in info.name for info in (self.a, self.b))


SortedOut = tuple[Mapping[str, LoraPair], tuple[str, ...]]
"""The LoRA tensors by module, and the names of those that are neither factors nor copies of the base."""


def sorted_out(tensors: tuple[tuple[str, TensorInfo], ...]) -> SortedOut:
    """The tensors of a file sorted out."""
    return (_known_ones if len(tensors) <= MOST_KNOWN else _sort_out)(tensors)


def _sort_out(tensors: tuple[tuple[str, TensorInfo], ...]) -> SortedOut:
    parts: dict[str, dict[str, TensorInfo]] = {}
    others: list[str] = []
    for name, info in tensors:
        module, part = split_name(name)
        if part in ("a", "b", "magnitude") and part not in parts.setdefault(module, {}):
            parts[module][part] = info
        elif part != BASE_LAYER:
            others.append(name)
    pairs = {
        module: LoraPair(module, found.get("a"), found.get("b"), found.get("magnitude"))
        for module, found in parts.items()
        if found
    }
    return pairs, tuple(others)


_known_ones = lru_cache(maxsize=4)(_sort_out)
"""The files of a run's checkpoints are laid out alike, and there may be a hundred."""


def split_name(name: str) -> tuple[str, str | None]:
    """A tensor's module, without ``base_model.model.``, and its part.

    Parts are a, b, magnitude, bias, base_layer or None, from PEFT's names (0.13.2 and 0.21.2,
    tuners/lora/layer.py) with or without an adapter's name such as ``default``. Factors of a linear layer end
    in ``.weight``, those of an embedding and of AdaLoRA do not. Where `target_parameters` names several parameters of a
    module, its LoRA layers lie within each other and all but the last are ``base_layer`` (`ParamWrapper`).
    """
    return _known(name) if len(name) <= _LONGEST else _split(name)


def _split(name: str) -> tuple[str, str | None]:
    bare = name.removeprefix(PREFIX)
    words = bare.split(".")
    for position in range(max(1, len(words) - 3), len(words)):
        if words[position] in _MARKS:
            module, tail = ".".join(words[:position]), words[position + 1 :]
            return module, _part(words[position], tail)
        if words[position] == BASE_LAYER and position < len(words) - 1 and words[position + 1] not in _MARKS:
            return ".".join(words[:position]), BASE_LAYER
    return bare, None


_known = lru_cache(maxsize=4096)(_split)
"""The names of a run's checkpoints are the same."""


def _part(mark: str, tail: list[str]) -> str | None:
    if tail and tail[-1] == "bias":
        return "bias"
    if len(tail) == 2 and tail[-1] != "weight":
        return None
    return "a" if mark in _A else "b" if mark in _B else "magnitude"
