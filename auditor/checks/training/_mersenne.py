"""The Mersenne Twister that Python, NumPy and torch's CPU generator share: its states after a seed.

Source: Matsumoto and Nishimura 1998, mt19937ar.c; ATen/core/MT19937RNGEngine.h; CPython, Modules/_randommodule.c.
"""

import random
from collections.abc import Iterator

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


def agreeing(one: Words, other: Words) -> int:
    """How many of the 624 words are equal: by chance none are."""
    return sum(a == b for a, b in zip(one, other, strict=True))
