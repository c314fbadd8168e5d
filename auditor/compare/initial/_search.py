"""The seed that drew an adapter, searched for in a range.

A few of the largest values of one module tell their sign for sure, and a sign is one or two bits of one word of the
stream (`_linear` makes those bits straight from a seed). A seed that gives all signs is then replayed and compared.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditor.architectures._names import layer_of
from auditor.architectures._structure import Structure
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import Draws, draws, head_offsets
from auditor.compare.initial._linear import Bit, Seeding, batches, functionals
from auditor.compare.initial._order import likely_order
from auditor.compare.initial._origin import LEAST
from auditor.compare.initial._proof import Limits, drawn_by, prove_seed
from auditor.compare.initial._sentences import CONSISTENT, PROVED, SeedProof, inconclusive
from auditor.compare.initial._stream import LANES, Stream
from auditor.compare.initial._values import Stored, Values, match, replayed
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]
"""Called with the tries made and the tries to make, at most: a range is gone through once for each kind of guess."""
_LANES = 1 << 17
"""Bits of many seeds made at once: as many as a processor's second cache holds."""
_FIRST_SIGNS, _SIGNS = 12, 64
_WRONG = 2
"""Signs of the first twelve that training may have turned; by chance one seed in fifty passes."""
_LEAST_RIGHT = 50
"""Of 64 signs: by chance one seed in 300,000 has as many."""
_AMONG = 4096
"""Elements among which the largest are chosen: a later one lies further along the stream."""
_PATIENCE = 64
"""Batches after which the seeds that passed are looked at; the first batch is, for the seeds people use."""
_FURTHEST, _FURTHEST_FIRST = 1 << 22, 1 << 20
"""Words after which no module is searched for: finding the bits takes 50 ns a word and bit."""
_FAR = 1 << 26
"""Words between a seed and the numbers it drew, at most, where the seed is computed: two seconds."""
_FIRST_MODULES, _MODULES = 24, 4096


@dataclass(frozen=True, slots=True)
class _Guess:
    """That a module's draws begin at a word, and the bits of the stream its signs fix (1 is positive)."""

    stored: Stored
    start: int
    bits: tuple[Bit, ...]
    expected: tuple[int, ...]

    @property
    def need(self) -> int:
        """How many of the first signs must be right."""
        return _FIRST_SIGNS - (0 if self.stored.untrained else _WRONG)


def recover_seed(
    weights: AdapterWeights,
    config: AdapterConfig,
    structure: Structure | None = None,
    seeds: Sequence[int] = range(1 << 16),
    progress: Progress | None = None,
    held: Mapping[str, int] | None = None,
) -> SeedProof:
    """The seed that explains the adapter's initial weights; two seeds equal modulo 2**32 are one.

    Where a float32 module of 1,250 numbers or more was never trained, the seed is computed from these and need not be
    among ``seeds``; else it is the first of those that fits, and the proof's ``odds`` count all of them. Without any
    the verdict is inconclusive, ``tested`` 0. Weights that cannot be read are inconclusive; nothing is raised.
    ``progress`` is called now and then while seeds are tried. ``held`` is that of `Limits`.
    """
    found = draws(weights, config)
    if isinstance(found, str):
        return inconclusive(None, found)
    values, order = (
        Values(weights, _AMONG, held),
        likely_order(found, weights, structure)[:_MODULES],
    )
    try:
        computed = _computed(order, values)
        rounds = _rounds(order, tuple(head_offsets(weights)), values) if computed is None else iter(())
        hit = _search(rounds, seeds, progress or (lambda done, total: None)) if computed is None else computed
    except CannotRead as error:
        return inconclusive(None, f"{weights.path} {error.reason}")
    if hit is None:
        why = f"none of {len(seeds):,} seeds drew a module that the adapter may begin with"
        return inconclusive(None, why)
    proof = prove_seed(weights, config, hit, structure, Limits(window=_FAR, others=(), held=held))
    if proof.verdict not in (PROVED, CONSISTENT):
        return proof
    if computed is not None:
        return replace(proof, why=f"computed from the numbers themselves; {proof.why}")
    odds = min(0.0, (proof.odds or 0.0) + math.log10(len(seeds)))
    return replace(proof, odds=odds, why=f"the first that fits of {len(seeds):,} seeds; {proof.why}")


def _computed(order: Sequence[Draws], values: Values) -> int | None:
    """The seed of the first module that still holds its numbers."""
    for one in order:
        stored = values.of(one)
        if stored is not None and stored.size >= LEAST and stored.numbers is not None:
            drawn = drawn_by(stored, _FAR)
            return None if drawn is None else drawn[0]
    return None


def _rounds(order: Sequence[Draws], offsets: Sequence[int], values: Values) -> Iterator[list[_Guess]]:
    """Guesses to search with, the likeliest first: the order known from the base, then any module as the first one."""
    likely = [_guess(values.of(d), at) for offset in offsets for d, at in _best(order, offset, values)]
    yield [guess for guess in likely if guess is not None]
    said = {(guess.stored.draws.module, guess.start) for guess in likely if guess is not None}
    firsts = [d for d in _firsts(order) if (d.module, 0) not in said]
    yield [guess for d in firsts if (guess := _guess(values.of(d), 0)) is not None]


def _firsts(order: Sequence[Draws]) -> Iterator[Draws]:
    """Every module that may be the first of all: those outside of layers and those of each tower's first layer."""
    lowest: dict[str, int] = {}
    amount = 0
    for one in order:
        layer = layer_of(one.module)
        tower, number = layer or ("", 0)
        if (
            one.before < _FURTHEST_FIRST
            and amount < _FIRST_MODULES
            and number == lowest.setdefault(tower, number)
        ):
            amount += 1
            yield one


def _best(order: Sequence[Draws], offset: int, values: Values) -> Iterator[tuple[Draws, int]]:
    """The first module, and the first that was never trained, with their first words."""
    at = offset
    for one in order:
        stored = values.of(one)
        if at == offset or (stored is not None and stored.untrained):
            yield one, at
        if stored is not None and stored.untrained:
            return
        at += one.total
        if at > _FURTHEST:
            return


def _guess(stored: Stored | None, start: int) -> _Guess | None:
    """None for a module with too few values to choose signs from."""
    import numpy

    if stored is None or stored.size < _SIGNS:
        return None
    limit = stored.draws.scale if stored.draws.kind == "uniform" else math.inf
    values = stored.values
    size = numpy.abs(values)
    # A value beyond the bound was moved there; as far inside is as sure.
    sure = numpy.where(size > limit, 2 * limit - size, size)
    chosen = [int(place) for place in numpy.argsort(-sure, kind="stable")[:_SIGNS]]
    first = start + stored.draws.before
    bits, turned = zip(*(_sign(stored.draws, place) for place in chosen), strict=True)
    expected = tuple(int((values[place] > 0) != turn) for place, turn in zip(chosen, turned, strict=True))
    return _Guess(stored, start, tuple((first + at, mask) for at, mask in bits), expected)


def _sign(draws: Draws, place: int) -> tuple[Bit, bool]:
    """The bit that is set when an element is positive, or (True) when it is not.

    A uniform is positive from half of 24 bits on. A normal is a cosine (first eight of a block of 16) or sine of the
    angle that the word eight places on, or its own, gives: a sine is positive in the first half of the circle, a cosine
    in its first and last quarter.
    """
    if draws.kind == "uniform":
        return (place, 1 << 23), False
    if place % LANES < LANES // 2:
        return (place + LANES // 2, 3 << 22), True
    return (place, 1 << 23), True


def _search(rounds: Iterator[list[_Guess]], seeds: Sequence[int], progress: Progress) -> int | None:
    """The first seed that a guess confirms."""
    likely = [guesses for guesses in rounds if guesses]
    done = 0
    for guesses in likely:
        sieve = _Sieve(guesses)
        for number, batch in enumerate(batches(seeds, sieve.batch)):
            done += len(batch)
            sieve.add(batch)
            if number % _PATIENCE == 0 or done % len(seeds) == 0:
                for seed in sieve.confirmed():
                    return seed
                progress(done, len(seeds) * len(likely))
    return None


class _Sieve:
    """Lets through the seeds that give a guess's first signs, then all signs, then its values."""

    def __init__(self, guesses: list[_Guess]) -> None:
        import numpy

        self.guesses = guesses
        self.batch = max(512, min(8192, _LANES // (_FIRST_SIGNS * len(guesses))))
        self._first = Seeding(functionals([bit for guess in guesses for bit in guess.bits[:_FIRST_SIGNS]]))
        self._all = [Seeding(functionals(guess.bits)) for guess in guesses]
        self._expected = numpy.array([guess.expected for guess in guesses], numpy.uint32)
        self._waiting: list[list[NDArray[Any]]] = [[] for _ in guesses]

    def add(self, batch: "NDArray[Any]") -> None:
        """Keep the seeds of a batch that give the first signs; few at once would cost as much as thousands."""
        bits = self._first.bits(batch).reshape(len(self.guesses), _FIRST_SIGNS, -1)
        right = (bits == self._expected[:, :_FIRST_SIGNS, None]).sum(axis=1)
        for row, guess in enumerate(self.guesses):
            self._waiting[row].append(batch[right[row] >= guess.need])

    def confirmed(self) -> Iterator[int]:
        """The kept seeds whose replay is recognised in the stored values, in order of the guesses."""
        import numpy

        for row, guess in enumerate(self.guesses):
            waiting = numpy.concatenate(self._waiting[row])
            self._waiting[row].clear()
            if waiting.size:
                agree = (self._all[row].bits(waiting) == self._expected[row][:, None]).sum(axis=0)
                left = waiting[agree >= (_SIGNS if guess.stored.untrained else _LEAST_RIGHT)]
                yield from (seed for seed in map(int, left) if _confirms(guess, seed))


def _confirms(guess: _Guess, seed: int) -> bool:
    stored = guess.stored
    return match(stored, replayed(Stream(seed), stored.draws, guess.start, stored.size)).seen
