"""How many numbers of each module stay in memory for a proof, while a file passes by once."""

from collections.abc import Mapping

from auditor.architectures._structure import Structure
from auditor.artifacts._safetensors import BITS
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import draws
from auditor.compare.initial._order import likely_order
from auditor.compare.initial._proof import Limits
from auditor.compare.initial._run import IN_AN_AUDIT


def numbers_held(
    weights: AdapterWeights, config: AdapterConfig, structure: Structure | None, limits: Limits, room: int
) -> Mapping[str, int]:
    """The numbers to keep of each tensor that `prove_seed` looks at, ``room`` bytes in all; nothing is read.

    A tensor that began as zero is in it with 0: only whether it still is zero matters. Every module gets as many
    numbers as fit, up to those of `IN_AN_AUDIT`; what is left goes to the first ones in the order of the draws, up to
    ``limits.sample`` each: a stream that they do not show is not followed further.
    """
    found = draws(weights, config)
    if isinstance(found, str):
        return {}
    order = likely_order(found, weights, structure)[: limits.modules]
    kept = [item.kept for item in order if item.kept.dtype in BITS]
    each = sum(BITS[info.dtype] for info in kept) // 8
    even = min(IN_AN_AUDIT.sample, limits.sample, room // max(each, 1))
    held = {info.name: min(even, info.elements) for info in kept}
    left = room - sum(count * BITS[info.dtype] // 8 for info, count in zip(kept, held.values(), strict=True))
    for info in kept:
        more = min(limits.sample - held[info.name], info.elements - held[info.name])
        more = max(0, min(more, 8 * left // BITS[info.dtype]))
        held[info.name] += more
        left -= more * BITS[info.dtype] // 8
    return {**dict.fromkeys((item.zeroed.name for item in order if item.zeroed is not None), 0), **held}
