"""The numbers that torch's CPU generator gives after a seed, made by NumPy's Mersenne Twister.

Both are MT19937 seeded by `init_genrand` with 32 bits of the seed (torch 2.13.0, ATen/core/MT19937RNGEngine.h; numpy
2.4.6, random/src/mt19937/mt19937.c), so ``torch.manual_seed(s)`` and ``numpy.random.RandomState(s & 0xFFFFFFFF)`` give
one stream of 32-bit words. Held against torch in tests/compare/test_initial_of_torch.py.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES = 16
"""Box-Muller works on blocks of 16 numbers: eight radii, eight angles."""
_MANTISSA = 0xFFFFFF
_AT_ONCE = 1 << 24
"""Words skipped in one call: the generator holds its lock meanwhile."""


class Stream:
    """The words after a seed, read forward; going back is cheap as far as the word given to `settle`.

    ``position`` counts 32-bit words from the seed. Skipping costs about 2 ns a word, reading 4 ns.
    """

    def __init__(self, seed: int) -> None:
        from numpy.random import MT19937, RandomState

        self._bits = MT19937(0)
        self._state = RandomState(self._bits)
        self._state.seed(seed & 0xFFFFFFFF)
        self._position = self.settled = 0
        self._mark = self._begin = self._bits.state

    def settle(self, position: int) -> None:
        """Move to a position, to which reading returns without starting anew."""
        self._move(position)
        self._mark, self.settled = self._bits.state, position

    def words(self, start: int, count: int) -> "NDArray[Any]":
        """``count`` words from ``start``, as uint32."""
        import numpy

        self._move(start)
        self._position += count
        return numpy.frombuffer(self._state.bytes(4 * count), "<u4")

    def _move(self, position: int) -> None:
        if position < self._position:
            begin = position < self.settled
            self._bits.state = self._begin if begin else self._mark
            self._position = 0 if begin else self.settled
        while self._position < position:
            step = min(position - self._position, _AT_ONCE)
            self._bits.random_raw(step, output=False)
            self._position += step


def uniform(words: "NDArray[Any]", bound: float) -> "NDArray[Any]":
    """``uniform_(-bound, bound)`` of float32, one word an element.

    24 bits of the word, scaled in double and rounded once (torch 2.13.0, ATen/core/TransformationHelper.h
    ``uniform_real``, where the accumulation type of float is double on a CPU): equal to the last bit.
    """
    import numpy

    return _spread((words & numpy.uint32(_MANTISSA)) * 2.0**-24, bound)


def _spread(share: "NDArray[Any]", bound: float) -> "NDArray[Any]":
    import numpy

    low, high = numpy.float32(-bound), numpy.float32(bound)
    made: NDArray[Any] = (share * float(high - low) + float(low)).astype(numpy.float32)
    return made


def numbers_of(values: "NDArray[Any]", bound: float) -> "NDArray[Any] | None":
    """The 24-bit numbers (uint32) that `uniform` makes these float32 values of; None when it cannot make them.

    curand scales 32 bits in another way: of what a GPU draws, a fifth lies between the values of a CPU (measured on an
    H200, torch 2.11).
    """
    import numpy

    bound = float(numpy.float32(bound))
    numbers = numpy.clip(numpy.rint((values + bound) * (2.0**24 / (2 * bound))), 0, _MANTISSA)
    if not numpy.array_equal(_spread(numbers * 2.0**-24, bound), values):
        return None
    return numbers.astype(numpy.uint32)


def normal_words(elements: int) -> int:
    """Words that ``normal_`` draws for a float32 tensor of 16 elements or more.

    The last 16 are drawn again when the count is no multiple of 16 (torch 2.13.0, ATen/native/cpu/
    DistributionTemplates.h ``normal_fill``).
    """
    return elements + (LANES if elements % LANES else 0)


def normal(words: "NDArray[Any]", std: float) -> "NDArray[Any]":
    """``normal_(std=std)`` of float32 from whole blocks of 16 words: radii from the first eight, angles from the rest.

    torch's vector code approximates logarithm, sine and cosine, so values agree to about 2e-7 and not to the bit.
    """
    import numpy

    share = ((words & numpy.uint32(_MANTISSA)) * 2.0**-24).reshape(-1, 2, LANES // 2)
    radius = numpy.sqrt(-2 * numpy.log1p(-share[:, 0]))
    angle = 2 * math.pi * share[:, 1]
    pairs = numpy.stack((radius * numpy.cos(angle), radius * numpy.sin(angle)), axis=1)
    return (pairs.reshape(-1) * std).astype(numpy.float32)
