"""What one seed explains of an adapter's weights, and the sentence that says so."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from auditor.architectures._structure import Structure
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._begun import Begun
from auditor.compare.initial._draws import Draws, draws, head_offsets
from auditor.compare.initial._locate import locate
from auditor.compare.initial._order import likely_order
from auditor.compare.initial._origin import origin
from auditor.compare.initial._sentences import (
    CAUSES,
    CHOSEN,
    CONSISTENT,
    ELSEWHERE,
    PROVED,
    UNCHOSEN,
    UNREACHED,
    SeedProof,
    inconclusive,
    odds_text,
    sentence,
    share,
)
from auditor.compare.initial._stream import Stream
from auditor.compare.initial._values import SAMPLE, Stored, Values, match, replayed
from auditor.compare.initial._walk import WORDS, Walk, walk
from auditor.errors import CannotRead

USUAL_SEEDS = (
    *range(11),
    13,
    17,
    21,
    33,
    37,
    42,
    99,
    100,
    101,
    123,
    1234,
    1337,
    2021,
    2022,
    2023,
    2024,
    3407,
    12345,
)
"""Seeds tried when the one asked for explains nothing: those that scripts use."""
WINDOW = 1 << 22
"""Words after a seed in which initial values are looked for when they do not come first."""
_ENOUGH = -9 * math.log(10)
"""Natural logarithm of the chance below which trained modules speak for a seed."""
_NEIGHBOURS = 8
_SHRUNK = 1 - 1e-5
_RECOGNISABLE = 512
"""Least elements of a trained module whose absence from a stream means something."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much work a proof may be: elements a module, words followed, words looked through for so many modules.

    ``modules`` counts those looked at, the first in their order. ``held`` are the numbers of each tensor that are at
    hand (`numbers_held`), of which no more are looked at; None where all are.
    """

    sample: int = SAMPLE
    words: int = WORDS
    window: int = WINDOW
    looked_for: int = 3
    others: tuple[int, ...] = USUAL_SEEDS
    modules: int = 4096
    held: Mapping[str, int] | None = None


def prove_seed(
    weights: AdapterWeights,
    config: AdapterConfig,
    seed: int,
    structure: Structure | None = None,
    limits: Limits | None = None,
) -> SeedProof:
    """Replay the draws of ``seed`` (its low 32 bits count) and say what they explain of the adapter's weights.

    ``structure`` is the base's, which gives the order of modules; without it the usual order is the first guess.
    Weights that cannot be read are inconclusive. Nothing is raised.
    """
    limits = limits or Limits()
    found = draws(weights, config)
    if isinstance(found, str):
        return inconclusive(seed, found)
    order = likely_order(found, weights, structure)
    try:
        values, offsets = Values(weights, limits.sample, limits.held), tuple(head_offsets(weights))
        proof = _proof(seed, order[: limits.modules], values, offsets, limits)
    except CannotRead as error:
        return inconclusive(seed, f"{weights.path} {error.reason}")
    if len(order) > limits.modules:
        return replace(
            proof, why=f"{proof.why}; the first {limits.modules:,} of {len(order):,} modules were looked at"
        )
    return proof


def _proof(
    seed: int, order: Sequence[Draws], values: Values, offsets: Iterable[int], limits: Limits
) -> SeedProof:
    best = max((walk(seed, order, values, at, limits.words) for at in offsets), key=_strength)
    known = [stored for draws in order if (stored := values.of(draws)) is not None]
    if not known:
        return inconclusive(seed, "the initial tensors hold no finite numbers")
    if best.placed:
        return _explained(best, known)
    initial = [stored for stored in known if stored.looks_initial]
    for stored in _worth_looking(initial)[: limits.looked_for]:
        drawn = drawn_by(stored, limits.window) or _located(seed, stored, limits.window)
        if drawn is not None:
            same = drawn[0] == seed & 0xFFFFFFFF
            around = _around(seed if same else drawn[0], drawn[1], stored, order, values, limits)
            return _explained(around, known) if same else _of_another(seed, _explained(around, known))
    return _unexplained(seed, order, values, initial, limits)


def drawn_by(stored: Stored, window: int) -> tuple[int, int] | None:
    """The seed and the word at which a module's draws began, computed from float32 values that never changed."""
    numbers = stored.numbers
    found = None if numbers is None else origin(numbers, window)
    return (
        None
        if found is None or found[1] < stored.draws.before
        else (found[0], found[1] - stored.draws.before)
    )


def _located(seed: int, stored: Stored, window: int) -> tuple[int, int] | None:
    at = locate(seed, stored, window)
    return None if at is None or at < 0 else (seed & 0xFFFFFFFF, at)


def _of_another(seed: int, proof: SeedProof) -> SeedProof:
    """What the proof of another seed says of this one."""
    says = f"seed {seed} does not reach the adapter: {proof.says}"
    why = f"{UNCHOSEN}; {proof.why}" if proof.seed is not None and proof.seed >= CHOSEN else proof.why
    return replace(proof, verdict=UNREACHED, seed=seed, other=proof.seed, says=says, why=why)


def _around(
    seed: int, at: int, stored: Stored, order: Sequence[Draws], values: Values, limits: Limits
) -> Walk:
    """The walk through a module whose first word is known: from the seed on, from where its order lets the first module
    begin, or from itself on."""
    before = sum(draws.total for draws in takewhile(lambda d: d.module != stored.draws.module, order))
    starts = {at, at - before, 0} if at >= before else {at, 0}
    return max((walk(seed, order, values, start, limits.words) for start in starts), key=_strength)


def _strength(found: Walk) -> float:
    return -sum(seen.chance for _, _, seen in found.placed)


def _worth_looking(initial: Sequence[Stored]) -> list[Stored]:
    """Modules to look for anywhere in the stream: untrained ones first, then long ones."""
    usable = [s for s in initial if s.draws.kind == "uniform" and (s.untrained or s.size >= _RECOGNISABLE)]
    return sorted(usable, key=lambda s: (not s.untrained, -s.size))


def _explained(found: Walk, known: Sequence[Stored]) -> SeedProof:
    untrained = sum(stored.untrained for stored in known)
    exact = [item for item in found.placed if item[2].exact]
    moved = [item for item in found.placed if not item[2].exact]
    chance = sum(seen.chance for _, _, seen in found.placed) + math.log(max(1, found.tests))
    proof = SeedProof(
        PROVED if exact else CONSISTENT,
        found.seed,
        len(exact or moved),
        max(untrained, len(exact)) if exact else len(known) - untrained,
        _mean([seen.correlation for _, _, seen in (exact or moved)]),
        _next_best(found),
        min(0.0, chance / math.log(10)),
        drawn_before=found.offset,
        begun=tuple(Begun.of(found.seed, stored, at, seen) for stored, at, seen in found.placed),
    )
    if not exact and chance > _ENOUGH:
        return replace(
            inconclusive(found.seed, "too few numbers are stored to tell seeds apart"), odds=proof.odds
        )
    return replace(
        proof, says=sentence(proof), why="; ".join(_remarks(found, proof, moved, len(known) - untrained))
    )


def _remarks(
    found: Walk, proof: SeedProof, moved: Sequence[tuple[Stored, int, object]], trained: int
) -> Iterator[str]:
    factors = [seen.factor for _, _, seen in found.placed if seen.factor is not None]
    shrunk = sum(factor < _SHRUNK for factor in factors)
    if proof.verdict == PROVED and moved:
        mean = _mean([seen.correlation for _, _, seen in found.placed if not seen.exact])
        yield f"{len(moved)} of {trained} trained modules remember it (correlation {share(mean)})"
    if shrunk:
        yield f"{shrunk} shrank by one factor each, which weight decay does where the gradient is zero"
    if len(factors) > shrunk:
        yield f"{len(factors) - shrunk} are equal but for the last digits"
    if found.offset:
        yield f"{found.offset:,} numbers were drawn between the seed and the adapter"
    if not found.ended:
        yield "the adapter draws more numbers than were followed"
    yield f"by chance {odds_text(proof.odds)}"


def _unexplained(
    seed: int, order: Sequence[Draws], values: Values, initial: Sequence[Stored], limits: Limits
) -> SeedProof:
    for other in limits.others:
        if other != seed & 0xFFFFFFFF and walk(other, order, values, 0, limits.words, 1).placed:
            found = walk(other, order, values, 0, limits.words)
            proof = _explained(found, [s for draws in order if (s := values.of(draws)) is not None])
            if proof.verdict in (PROVED, CONSISTENT):
                return _of_another(seed, proof)
    looked = _worth_looking(initial)
    if not looked:
        return inconclusive(seed, _why_unknown(order, initial))
    if looked[0].from_elsewhere:
        return inconclusive(seed, ELSEWHERE)
    state = "still hold" if looked[0].untrained else "are near"
    amount = sum(stored.untrained == looked[0].untrained for stored in initial)
    says = (
        f"seed {seed} does not reach the adapter: {amount} {'module' if amount == 1 else 'modules'} "
        f"{state} their initial values, which are not among the first {limits.window:,} numbers after the seed"
    )
    return SeedProof(UNREACHED, seed, 0, amount, 0.0, says=says, why=CAUSES)


def _why_unknown(order: Sequence[Draws], initial: Sequence[Stored]) -> str:
    if not initial:
        return "the weights have moved too far from where they began, or the seed did not draw them"
    if any(draws.kind == "normal" for draws in order):
        return "the seed does not draw these values first, and normal draws are not looked for further on"
    return "the modules that are near their initial values are too small to tell"


def _next_best(found: Walk) -> float:
    """The largest correlation that neighbouring seeds reach on the longest module, at the same words."""
    stored, start, _ = max(found.placed, key=lambda item: item[0].size)
    others = range(found.seed + 1, found.seed + 1 + _NEIGHBOURS)
    made = (replayed(Stream(other), stored.draws, start, stored.size) for other in others)
    return max(abs(match(stored, values).correlation) for values in made)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
