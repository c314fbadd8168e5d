"""What is odd about single modules of an adapter: those that repeat another, and those that outgrow all others."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._slices import ALIGNED
from auditor.compare.reach import Moved
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTGROWN = 100.0
"""How many times the median of all modules; Adam moves the numbers of all modules by about as much a step."""
_HEAD = 256
"""Numbers that are compared before two tensors are read whole."""
_LEAST = 16
"""Numbers below which two tensors are equal by chance: fp16 has few values near zero."""
_TIED = ("lm_head", "embed_tokens", "embed_out", "wte", "shared", "word_embeddings", "output_projection")
"""Modules that a model may tie to each other, so that their adapters are one."""


def repeated(weights: AdapterWeights) -> Iterator[tuple[str, ...]]:
    """Groups of modules whose lora_B holds the same numbers, bit for bit, and not zeros. Raises CannotRead.

    Embeddings and heads are left out, because models tie them.
    """
    alike: dict[tuple[str, tuple[int, ...], bytes], list[tuple[str, TensorInfo]]] = {}
    for module, pair in weights.pairs().items():
        info = _comparable(module, pair)
        if info is None:
            continue
        head = next(iter(weights.chunks(info.name, _HEAD)), None)
        if head is not None and head.max() == head.max():  # NaN is another rule's
            alike.setdefault((info.dtype, info.shape, head.tobytes()), []).append((module, info))
    for candidates in alike.values():
        if len(candidates) > 1:
            yield from _equal(weights, candidates)


class Repeats:
    """`repeated` for modules that are looked at in any order, each once, while their numbers are in memory.

    Numbers are told apart by Python's keyed hash, 64 bits for each stretch of them.
    """

    def __init__(self, weights: AdapterWeights) -> None:
        self._weights, self._pairs = weights, weights.pairs()
        self._first: dict[tuple[object, ...], str] = {}
        self._alike: dict[str, list[str]] = {}
        self._unread = False

    def look(self, modules: Iterable[str]) -> None:
        """Look at some modules; those without LoRA factors of PEFT's names are passed over."""
        for name in modules:
            mark = self.mark(name)
            if mark is None:
                continue
            try:
                for chunk in self._weights.chunks(mark.info.name):
                    mark.add(chunk)
            except CannotRead:
                self._unread = True
                continue
            self.take(mark)

    def mark(self, module: str) -> "Mark | None":
        """What hashes a module's lora_B; None for a module that none repeats."""
        info = _comparable(module, self._pairs.get(module))
        return None if info is None else Mark(module, info)

    def take(self, mark: "Mark") -> None:
        """Look at a module that was hashed."""
        if mark.tells:
            first = self._first.setdefault((mark.info.dtype, mark.info.shape, mark.value), mark.module)
            if first != mark.module:
                self._alike.setdefault(first, [first]).append(mark.module)

    def result(self) -> tuple[tuple[str, ...], ...]:
        """The groups in the order of the file; none when a tensor could not be read."""
        order = {name: number for number, name in enumerate(self._pairs)}
        groups = [tuple(sorted(group, key=order.__getitem__)) for group in self._alike.values()]
        return () if self._unread else tuple(sorted(groups, key=lambda group: order[group[0]]))


class Mark:
    """A hash of a module's lora_B, stretch by stretch."""

    def __init__(self, module: str, info: TensorInfo) -> None:
        self.module, self.info, self.value = module, info, 0
        self._some, self._begun, self._has_nan = False, False, False

    @property
    def tells(self) -> bool:
        """Whether there are numbers that another module would not have by chance: no zeros, and no NaN first."""
        return self._some and not self._has_nan

    def add(self, chunk: "NDArray[Any]") -> None:
        """Add numbers in their order, whole stretches of 1,024 but for the last ones."""
        if not self._begun:
            self._begun, head = True, chunk[:_HEAD]
            self._has_nan = bool(head.size and head.max() != head.max())
        self._some = self._some or bool(chunk.any())
        for start in range(0, chunk.size, ALIGNED):
            self.value = hash((self.value, chunk[start : start + ALIGNED].tobytes()))


def _comparable(module: str, pair: LoraPair | None) -> TensorInfo | None:
    """The lora_B of a module that another one might repeat."""
    info = pair.b if pair is not None else None
    if pair is None or info is None or pair.is_embedding or info.elements < _LEAST or module.endswith(_TIED):
        return None
    return info


def _digest(weights: AdapterWeights, info: TensorInfo) -> bytes | None:
    """SHA-256 of a tensor's numbers; None when they are all zero. Raises CannotRead."""
    import hashlib

    digest, some = hashlib.sha256(), False
    for chunk in weights.chunks(info.name):
        some = some or bool(chunk.any())
        digest.update(chunk.tobytes())
    return digest.digest() if some else None


def _equal(
    weights: AdapterWeights, candidates: Sequence[tuple[str, TensorInfo]]
) -> Iterator[tuple[str, ...]]:
    groups: dict[bytes, list[str]] = {}
    for module, info in candidates:
        digest = _digest(weights, info)
        if digest is not None:
            groups.setdefault(digest, []).append(module)
    yield from (tuple(group) for group in groups.values() if len(group) > 1)


def outgrown(modules: Iterable[Moved]) -> Mapping[str, float]:
    """Modules whose largest lora_B is over a hundred times the median of those that moved, with how many times.

    Empty for fewer than four modules, of which none is usual.
    """
    sizes = {item.module: item.largest for item in modules if item.largest > 0}
    if len(sizes) < 4:
        return {}
    usual = statistics.median(sizes.values())
    return {module: size / usual for module, size in sizes.items() if size > OUTGROWN * usual}
