"""The Mersenne Twister that Python, NumPy and torch's CPU generator share: its states after a seed.

Source: Matsumoto and Nishimura 1998, mt19937ar.c; ATen/core/MT19937RNGEngine.h; CPython, Modules/_randommodule.c.
"""

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 624
_SHIFT, _UPPER, _LOWER, _MATRIX = 397, 0x80000000, 0x7FFFFFFF, 0x9908B0DF
Words = tuple[int, ...]


def seeded(seed: int) -> Words:
    """`init_genrand`: torch.manual_seed and numpy.random.seed begin with it (32 bits of the seed)."""
    words = [seed & 0xFFFFFFFF]
    for at in range(1, WORDS):
        words.append((1812433253 * (words[-1] ^ words[-1] >> 30) + at) & 0xFFFFFFFF)
    return tuple(words)


def seeded_by_python(seed: int) -> Words:
    """`init_by_array`, with which random.seed begins."""
    state: tuple[int, Words, float | None] = random.Random(seed).getstate()
    return state[1][:WORDS]


def refilled(words: Words) -> Words:
    """The state after the next 624 numbers are made."""
    made = list(words)
    for at in range(WORDS):
        mixed = made[at] & _UPPER | made[(at + 1) % WORDS] & _LOWER
        made[at] = made[(at + _SHIFT) % WORDS] ^ mixed >> 1 ^ (_MATRIX if mixed & 1 else 0)
    return tuple(made)


def following(words: Words, most: int) -> Iterator[Words]:
    """A state and those after it, ``most`` refills at most."""
    yield words
    for _ in range(most):
        words = refilled(words)
        yield words


def nearest(seeded: Words, words: Words, most: int, alike: int) -> tuple[int, int] | None:
    """The first state within ``most`` refills that shares at least ``alike`` words: (refills, shared words).

    The first few states are made here, since most generators of a training are there; the others by NumPy.
    """
    for refills, reached in enumerate(following(seeded, _OWN)):
        shared = agreeing(words, reached)
        if shared >= alike:
            return refills, shared
    if most > _OWN:
        wanted = tempered(words)
        for first, blocks in _blocks(seeded, most):
            counts = (blocks == wanted).sum(axis=1)
            for row in (counts >= alike).nonzero()[0][:1].tolist():
                return first + row, int(counts[row])
    return None


_OWN = 8


def agreeing(one: Words, other: Words) -> int:
    """How many of the 624 words are equal: by chance none are."""
    return sum(a == b for a, b in zip(one, other, strict=True))


def positions(seeded: Words, states: Sequence[Words], most: int) -> tuple[int | None, ...]:
    """How many refills after ``seeded`` each state is reached: 0 is the seeded state itself; None beyond ``most``.

    One pass over the stream for all states. A refill makes 624 numbers at once, which are the tempered words, so the
    first number of every 624 tells where a state may be and the other 623 prove it.
    """
    found: list[int | None] = [0 if state == seeded else None for state in states]
    open_ = {at: tempered(state) for at, state in enumerate(states) if found[at] is None}
    for first, blocks in _blocks(seeded, most) if open_ else ():
        for at, wanted in list(open_.items()):
            for row in (blocks[:, 0] == wanted[0]).nonzero()[0].tolist():
                if (blocks[row] == wanted).all():
                    found[at] = first + row
                    open_.pop(at, None)
        if not open_:
            break
    return tuple(found)


def tempered(words: Words) -> "NDArray[Any]":
    """The 624 numbers that a state's words give, as uint64 below 2**32 (mt19937ar.c, `genrand_int32`)."""
    import numpy

    made = numpy.array(words, dtype=numpy.uint64)
    made ^= made >> numpy.uint64(11)
    made ^= (made << numpy.uint64(7)) & numpy.uint64(0x9D2C5680)
    made ^= (made << numpy.uint64(15)) & numpy.uint64(0xEFC60000)
    made ^= made >> numpy.uint64(18)
    return made


_BLOCKS = 512
"""Refills made at once: 2.6 MB of numbers."""


def _blocks(words: Words, most: int) -> Iterator[tuple[int, "NDArray[Any]"]]:
    """The numbers after a seeded state, 624 a row, with the number of the first row's refill (from 1)."""
    import numpy

    twister = numpy.random.MT19937()
    key = numpy.array(words, dtype=numpy.uint32)
    twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": WORDS}}
    made, rows = 0, 1
    while made < most:
        rows = min(rows, most - made)
        yield made + 1, twister.random_raw(rows * WORDS).reshape(rows, WORDS)
        made, rows = made + rows, min(rows * 4, _BLOCKS)
