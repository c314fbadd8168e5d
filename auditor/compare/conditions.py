"""What is odd about single modules of an adapter: those that repeat another, and those that outgrow all others."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare.reach import Moved
from auditor.errors import CannotRead

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

    Numbers are told apart by Python's keyed hash, 64 bits for each chunk of them.
    """

    def __init__(self, weights: AdapterWeights) -> None:
        self._weights, self._pairs = weights, weights.pairs()
        self._first: dict[tuple[object, ...], str] = {}
        self._alike: dict[str, list[str]] = {}
        self._unread = False

    def look(self, modules: Iterable[str]) -> None:
        """Look at some modules; those without LoRA factors of PEFT's names are passed over."""
        for name in modules:
            info = _comparable(name, self._pairs.get(name))
            try:
                marks = () if info is None else tuple(self._marks(info))
            except CannotRead:
                self._unread = True
                continue
            if info is not None and any(marks):
                first = self._first.setdefault((info.dtype, info.shape, *marks), name)
                if first != name:
                    self._alike.setdefault(first, [first]).append(name)

    def result(self) -> tuple[tuple[str, ...], ...]:
        """The groups in the order of the file; none when a tensor could not be read."""
        order = {name: number for number, name in enumerate(self._pairs)}
        groups = [tuple(sorted(group, key=order.__getitem__)) for group in self._alike.values()]
        return () if self._unread else tuple(sorted(groups, key=lambda group: order[group[0]]))

    def _marks(self, info: TensorInfo) -> Iterator[int]:
        """A hash of each chunk, 0 for zeros; nothing when the first numbers hold NaN."""
        for number, chunk in enumerate(self._weights.chunks(info.name)):
            if not number:
                head = chunk[:_HEAD]
                if head.size and head.max() != head.max():
                    return
            yield (hash(chunk.tobytes()) or 1) if chunk.any() else 0


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
