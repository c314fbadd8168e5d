"""The seed and the place in its stream, computed from numbers that were drawn, without trying a seed.

A float32 uniform shows the low 24 bits of each output word. Words t, t+1, t+397 and t+624 of the generator obey 32
linear equations, and those of them that do not involve the hidden bits of the later two determine the eight hidden bits
of word t+1 alone. So 1,250 numbers in a row give 624 whole words, the recurrence runs backwards from them, and the
seeded state is where the words obey the recurrence of `init_genrand`, whose multiplication has an inverse.

Source: Matsumoto and Nishimura 1998, mt19937ar.c (`init_genrand`, `genrand_int32`).
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from auditor.compare.initial._linear import MATRIX, MULTIPLIER, UPPER, WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 2 * WORDS + 2
"""Numbers in a row that are needed."""
_SHIFT, _LOWER, _MASK = 397, 0x7FFFFFFF, 0xFFFFFFFF
_HIDDEN = 8
_BACK = 396
"""Words made at once when going back: each comes from words 396 to 624 later."""
_INVERSE = pow(MULTIPLIER, -1, 1 << 32)


def origin(numbers: "NDArray[Any]", most: int) -> tuple[int, int] | None:
    """(seed, position) of uint32 numbers below 2**24 that are the low bits of consecutive output words.

    ``position`` counts words from the seed to the first number; at most ``most`` are gone back. None when the numbers
    are not of such a stream, or its seed lies further back. Costs about 40 ns a word of the way.
    """
    words = _whole_words(numbers)
    return None if words is None else _rewound(words, most)


def may_be_drawn(numbers: "NDArray[Any]") -> bool:
    """Whether numbers as `origin` takes them obey the recurrence; too few to tell obey it."""
    return numbers.size < LEAST or _whole_words(numbers) is not None


def _whole_words(numbers: "NDArray[Any]") -> "NDArray[Any] | None":
    """The untempered words behind numbers 1 .. n-624, None when one of them contradicts the recurrence."""
    import numpy

    if numbers.size < LEAST:
        return None
    known = _untempered(numbers.astype(numpy.uint32))
    ahead = known[WORDS:] ^ known[_SHIFT : _SHIFT + known.size - WORDS]
    apart = known.size - WORDS
    rest = ahead ^ _mixed(
        (known[:apart] & numpy.uint32(UPPER)) | (known[1 : apart + 1] & numpy.uint32(_LOWER))
    )
    keys, parts = _table()
    syndrome = _syndrome(rest)
    place = numpy.minimum(numpy.searchsorted(keys, syndrome), keys.size - 1)
    if not numpy.array_equal(keys[place], syndrome):
        return None
    found: NDArray[Any] = known[1 : apart + 1] ^ parts[place]
    return found


@cache
def _table() -> "tuple[NDArray[Any], NDArray[Any]]":
    """Each sum of hidden parts as equations see it, sorted, and what it adds to the untempered word t+1."""
    import numpy

    high = numpy.arange(1 << _HIDDEN, dtype=numpy.uint32) << numpy.uint32(32 - _HIDDEN)
    part = _untempered(high)
    later = _syndrome(_mixed(part & numpy.uint32(_LOWER)))
    sign = _syndrome(_mixed(numpy.array([0, UPPER], numpy.uint32)))
    sums = (later[None, :] ^ sign[:, None]).ravel()
    order = numpy.argsort(sums)
    return sums[order], numpy.tile(part, 2)[order]


def _syndrome(words: "NDArray[Any]") -> "NDArray[Any]":
    """Words reduced by the span of the hidden parts of untempered words: equal for words that differ by such a part."""
    import numpy

    reduced = words.copy()
    for top, vector in _basis():
        reduced ^= numpy.uint32(vector) * (reduced >> numpy.uint32(top) & numpy.uint32(1))
    return reduced


@cache
def _basis() -> tuple[tuple[int, int], ...]:
    """(leading bit, vector) of the span of the eight hidden bits, untempered, by elimination; leading bits fall."""
    import numpy

    vectors = [int(v) for v in _untempered(numpy.array([1 << bit for bit in range(24, 32)], numpy.uint32))]
    found: list[tuple[int, int]] = []
    while any(vectors):
        vector = max(vectors)
        top = vector.bit_length() - 1
        vectors = [v ^ vector if v >> top & 1 else v for v in vectors]
        found.append((top, vector))
    return tuple(found)


def _untempered(words: "NDArray[Any]") -> "NDArray[Any]":
    """The words of state behind output words."""
    import numpy

    u32 = numpy.uint32
    words = words ^ words >> u32(18)
    words = words ^ words << u32(15) & u32(0xEFC60000)
    back = words
    for _ in range(4):
        back = words ^ back << u32(7) & u32(0x9D2C5680)
    whole: NDArray[Any] = back ^ back >> u32(11) ^ back >> u32(22)
    return whole


def _mixed(words: "NDArray[Any]") -> "NDArray[Any]":
    """The twist of a joined word: shifted, and the matrix added where it was odd."""
    import numpy

    return words >> numpy.uint32(1) ^ (words & numpy.uint32(1)) * numpy.uint32(MATRIX)


def _rewound(words: "NDArray[Any]", most: int) -> tuple[int, int] | None:
    """Go back from whole words (the first is that of number 1) until they are those of a fresh seed."""
    import numpy

    window = words[:WORDS]
    back = 0
    while True:
        # The seeded words end where the first output's begins, so the seed lies 624 before position 0.
        at = _seeded(window)
        if at is not None:
            first = int(window[at])
            mixed = (first - 1) * _INVERSE & _MASK
            return mixed ^ mixed >> 30, back - at - WORDS
        if back > most + WORDS:
            return None
        made = _before(window)
        window = numpy.concatenate((made, window[: WORDS - _BACK]))
        back += _BACK


def _before(window: "NDArray[Any]") -> "NDArray[Any]":
    """The 396 words before a window of 624."""
    import numpy

    u32 = numpy.uint32
    # joined[i] has the top bit of word i - 397 and the lower bits of the next, from the words 624 and 397 later.
    later, middle = window[WORDS - _BACK - 1 : WORDS], window[_SHIFT - _BACK - 1 : _SHIFT]
    twist = later ^ middle
    odd = twist >> u32(31)
    joined = (twist ^ odd * u32(MATRIX)) << u32(1) | odd
    made: NDArray[Any] = joined[1:] & u32(UPPER) | joined[:-1] & u32(_LOWER)
    return made


def _seeded(window: "NDArray[Any]") -> int | None:
    """Where word 1 of a freshly seeded state lies: words 2, 3 and 4 follow from it by `init_genrand`."""
    import numpy

    u32 = numpy.uint32
    follows = window[1:] - (window[:-1] ^ window[:-1] >> u32(30)) * u32(MULTIPLIER)
    found = numpy.flatnonzero((follows[:-2] == 2) & (follows[1:-1] == 3) & (follows[2:] == 4))
    return int(found[0]) if found.size else None
