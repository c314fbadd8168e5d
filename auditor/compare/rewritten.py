"""Published adapters that were written anew after the training: what they do is what the last checkpoint does.

Tools fold ``lora_alpha`` into lora_B or set it to the rank. And where an adapter began from the base's own weights,
which changed the base (PiSSA, OLoRA, CorDA, LoftQ), PEFT turns it into one of twice the rank for the plain base: lora_A
of the training above that of its beginning, lora_B beside the beginning's negated (peft 0.21.2, tuners/lora/model.py,
``subtract_mutated_init``).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

MUTATING = ("pissa", "olora", "corda", "loftq")
"""How an adapter begins that changes the base's own weights, before what follows an underscore."""


def is_for_the_plain_base(published: AdapterConfig, trained: AdapterConfig) -> bool:
    """Whether a configuration is that of PEFT's conversion of another."""
    began = str(trained.init_lora_weights).lower().partition("_")[0]
    return began in MUTATING and published.init_lora_weights is True and published.r == 2 * (trained.r or 0)


def does_the_same(
    published: AdapterWeights, config: AdapterConfig, trained: AdapterWeights, trained_config: AdapterConfig
) -> bool:
    """Whether two adapters make one update, whatever their scale and basis. Raises CannotRead."""
    return compare(published, config, trained, trained_config).relation in ("identical", "equivalent")


def holds_the_trained(published: AdapterWeights, trained: AdapterWeights) -> bool:
    """Whether the first half of each published factor is the trained one, bit by bit. Raises CannotRead."""
    mine, theirs = _converted(published), dict(_factors(trained))
    if not mine or mine.keys() != theirs.keys():
        return False
    for module, (a, b) in mine.items():
        first, second = theirs[module]
        rank = len(first)
        halves = (a[:rank], b[:, :rank])
        if len(a) != 2 * rank or any(
            x.shape != y.shape or x.tobytes() != y.tobytes()
            for x, y in zip(halves, (first, second), strict=True)
        ):
            return False
    return True


def from_conversion(
    published: AdapterWeights,
    config: AdapterConfig,
    trained: AdapterWeights,
    trained_config: AdapterConfig,
    start: AdapterWeights,
) -> dict[str, tuple[float, float]]:
    """By module, how far a published update lies from that of the training minus its beginning's, and the longer one.

    Frobenius norms in float64, of products that are never formed: with L R the difference and L = Q S, R' = P T its
    norm is that of S T'. Empty where the modules or shapes are others. Raises CannotRead.
    """
    sides = [_converted(published), *(dict(_factors(weights)) for weights in (trained, start))]
    if not sides[0] or any(side.keys() != sides[0].keys() for side in sides):
        return {}
    found = {}
    for module, (a, b) in sides[0].items():
        (second, first), (early, before) = (reversed(side[module]) for side in sides[1:])
        if {x.shape[1] for x in (a, first, before)} != {a.shape[1]} or {
            len(x) for x in (b, second, early)
        } != {len(b)}:
            return {}
        one, two = config.scaling_of(module), trained_config.scaling_of(module)
        mine, ours = [(one * b, a)], [(two * second, first), (-two * early, before)]
        apart = _norm([*mine, *((-left, right) for left, right in ours)])
        found[module] = (apart, max(_norm(mine), _norm(ours)))
    return found


def _norm(products: "list[tuple[NDArray[Any], NDArray[Any]]]") -> float:
    """The Frobenius norm of a sum of products."""
    import numpy

    left = numpy.concatenate([left for left, _ in products], axis=1)
    right = numpy.concatenate([right for _, right in products], axis=0)
    if not (numpy.isfinite(left).all() and numpy.isfinite(right).all()):
        return math.inf
    return float(numpy.linalg.norm(numpy.linalg.qr(left)[1] @ numpy.linalg.qr(right.T)[1].T))


def _factors(weights: AdapterWeights) -> "Iterator[tuple[str, tuple[NDArray[Any], NDArray[Any]]]]":
    """lora_A and lora_B in float64 of each module that has two matrices of those names."""
    for module, pair in weights.pairs().items():
        if pair.a is None or pair.b is None or pair.is_embedding:
            continue
        if len(pair.a.shape) == len(pair.b.shape) == 2 and pair.a.shape[0] == pair.b.shape[1]:
            a, b = (weights.array(info.name).astype("f8") for info in (pair.a, pair.b))
            yield module, (a, b)


def _converted(weights: AdapterWeights) -> "dict[str, tuple[NDArray[Any], NDArray[Any]]]":
    """The same of a published file. Raises CannotRead when it holds anything else, which the conversion leaves out."""
    found = dict(_factors(weights))
    others = len(weights.tensors) - 2 * len(found)
    if others:
        raise CannotRead(f"holds {others:,} tensors besides lora_A and lora_B, which no conversion writes")
    return found
