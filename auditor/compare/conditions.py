"""What is odd about single modules of an adapter: those that repeat another, and those that outgrow all others."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.reach import Moved

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
        info = pair.b
        if info is None or pair.is_embedding or info.elements < _LEAST or module.endswith(_TIED):
            continue
        head = next(iter(weights.chunks(info.name, _HEAD)), None)
        if head is not None and head.max() == head.max():  # NaN is another rule's
            alike.setdefault((info.dtype, info.shape, head.tobytes()), []).append((module, info))
    for candidates in alike.values():
        if len(candidates) > 1:
            yield from _equal(weights, candidates)


def _equal(
    weights: AdapterWeights, candidates: Sequence[tuple[str, TensorInfo]]
) -> Iterator[tuple[str, ...]]:
    import hashlib

    groups: dict[bytes, list[str]] = {}
    for module, info in candidates:
        digest, some = hashlib.sha256(), False
        for chunk in weights.chunks(info.name):
            some = some or bool(chunk.any())
            digest.update(chunk.tobytes())
        if some:
            groups.setdefault(digest.digest(), []).append(module)
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
