"""Single bits of a far word of the Mersenne Twister, straight from its seeded state.

The generator is linear over GF(2): any bit of any word after the seed is the exclusive or of fixed bits of the 624
seeded words. `functionals` finds which, once, by walking the recurrence backwards; then a seed costs its seeding and a
few hundred operations instead of all the words in between, and thousands of seeds go through NumPy at once.

Source: Matsumoto and Nishimura 1998, mt19937ar.c (`init_genrand`, `genrand_int32`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS, LAG = 624, 227
"""Words of state; word k comes from words k-624, k-623 and k-227."""
MATRIX, UPPER, _LOWER = 0x9908B0DF, 0x80000000, 0x7FFFFFFF
MULTIPLIER = 1812433253

Bit = tuple[int, int]
"""A word's position after the seed, and a mask: the parity of the masked word is meant."""


def functionals(bits: Sequence[Bit]) -> "NDArray[Any]":
    """For each bit the masks over the 624 seeded words whose common parity it is: uint32 of shape (bits, 624)."""
    import numpy

    wanted = sorted(
        ((WORDS + at, row, _before_tempering(mask)) for row, (at, mask) in enumerate(bits)), reverse=True
    )
    blocks = max(0, -(-(wanted[0][0] + 1 - WORDS) // LAG)) if wanted else 0
    # Columns are the words top-851 .. top-1; each turn empties the last 227 into those they come from.
    span = WORDS + LAG
    table = numpy.zeros((len(bits), span), numpy.uint32)
    top = WORDS + LAG * blocks
    for _ in range(blocks):
        while wanted and wanted[0][0] >= top - span:
            word, row, mask = wanted.pop(0)
            table[row, word - (top - span)] ^= numpy.uint32(mask)
        _step_back(table)
        top -= LAG
    for word, row, mask in wanted:  # pragma: no cover - every output word lies behind the seeded ones
        table[row, word] ^= numpy.uint32(mask)
    return table[:, LAG:].copy()


def _step_back(table: "NDArray[Any]") -> None:
    """Express the last 227 words by those before them, and move the window down."""
    import numpy

    last = table[:, WORDS:]
    mixed = (last << numpy.uint32(1)) ^ parity(last & numpy.uint32(MATRIX))
    table[:, WORDS - LAG : WORDS] ^= last
    table[:, :LAG] ^= mixed & numpy.uint32(UPPER)
    table[:, 1 : LAG + 1] ^= mixed & numpy.uint32(_LOWER)
    table[:, LAG:] = table[:, :WORDS].copy()
    table[:, :LAG] = 0


def _before_tempering(mask: int) -> int:
    """The mask over an untempered word for a mask over the output."""
    mask ^= mask << 18 & 0xFFFFFFFF
    mask ^= (mask & 0xEFC60000) >> 15
    mask ^= (mask & 0x9D2C5680) >> 7
    return mask ^ mask << 11 & 0xFFFFFFFF


def parity(words: "NDArray[Any]") -> "NDArray[Any]":
    """1 where a uint32 has an odd number of ones, else 0."""
    import numpy

    folded = words ^ words >> numpy.uint32(16)
    for shift in (8, 4, 2, 1):
        folded ^= folded >> numpy.uint32(shift)
    odd: NDArray[Any] = folded & numpy.uint32(1)
    return odd


class Seeding:
    """Evaluates functionals for many seeds at once; buffers are kept between calls of one size."""

    def __init__(self, masks: "NDArray[Any]") -> None:
        import numpy

        self._columns = numpy.ascontiguousarray(masks.T)[:, :, None]
        self._shape = (masks.shape[0], 0)

    def bits(self, seeds: "NDArray[Any]") -> "NDArray[Any]":
        """The bits of every functional for every seed (uint32 of shape (n,)): uint32 of shape (functionals, n)."""
        import numpy

        state = seeds.astype(numpy.uint32)
        sums = state * numpy.uint32(0) ^ (state & self._columns[0])
        part, shifted = numpy.empty_like(sums), numpy.empty_like(state)
        for at in range(1, WORDS):
            numpy.right_shift(state, numpy.uint32(30), out=shifted)
            numpy.bitwise_xor(state, shifted, out=state)
            numpy.multiply(state, numpy.uint32(MULTIPLIER), out=state)
            numpy.add(state, numpy.uint32(at), out=state)
            numpy.bitwise_and(state, self._columns[at], out=part)
            numpy.bitwise_xor(sums, part, out=sums)
        return parity(sums)


def batches(seeds: Iterable[int], size: int) -> Iterable["NDArray[Any]"]:
    """The low 32 bits of seeds as uint32 arrays of up to ``size``; a range is never made a list."""
    import numpy

    if isinstance(seeds, range):
        for start in range(0, len(seeds), size):
            part = seeds[start : start + size]
            yield (
                numpy.arange(len(part), dtype=numpy.uint64) * numpy.uint64(part.step % 2**64)
                + numpy.uint64(part.start % 2**64)
            ).astype(numpy.uint32)
        return
    held: list[int] = []
    for seed in seeds:
        held.append(seed & 0xFFFFFFFF)
        if len(held) == size:
            yield numpy.array(held, numpy.uint32)
            held.clear()
    if held:
        yield numpy.array(held, numpy.uint32)
