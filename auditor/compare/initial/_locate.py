"""Where in a stream a module's initial values begin, whatever was drawn before them."""

import math
from typing import TYPE_CHECKING, Any

from auditor.compare.initial._stream import Stream, uniform
from auditor.compare.initial._values import Stored, match, replayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 20
_HALF_STEP = {"F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
"""Half a rounding step of a precision, relative to the value."""
_LOOKED_AT = 24
"""Elements that narrow the places down before a whole comparison."""
_FFT = 1 << 18
_SEEN_ANYWHERE = 9.0
"""Standard deviations from which one of millions of places counts: by chance 1e-11 over 2**22 of them."""
_TEMPLATE = 4096


def locate(seed: int, stored: Stored, window: int) -> int | None:
    """The word at which the module's own draws began, looking at ``window`` words; None when they are not among them.

    Values never trained are looked for by the bits they fix, trained ones by their correlation. Only uniform draws can
    be looked for (any other kind gives None).
    """
    if stored.draws.kind != "uniform":
        return None
    start = _exact(seed, stored, window) if stored.untrained else _correlated(seed, stored, window)
    return None if start is None else start - stored.draws.before


def _exact(seed: int, stored: Stored, window: int) -> int | None:
    import numpy

    low, high = _limits(stored)
    stream, checker = Stream(seed), Stream(seed)
    for start in range(0, window, _BLOCK):
        words = stream.words(start, _BLOCK) & numpy.uint32(0xFFFFFF)
        places = numpy.arange(_BLOCK - low.size)
        for element in range(low.size):
            found = words[places + element] if element else words[: places.size]
            places = places[(found >= low[element]) & (found <= high[element])]
        for place in places[:8]:
            at = start + int(place)
            begin = at - stored.draws.before
            if match(stored, replayed(checker, stored.draws, begin, stored.size)).exact:
                return at
    return None


def _limits(stored: Stored) -> tuple["NDArray[Any]", "NDArray[Any]"]:
    """The least and the greatest 24-bit number that each of the first elements can come from, as uint32."""
    import numpy

    bound, values = stored.draws.scale, stored.beginning(_LOOKED_AT)
    scale = 2.0**24 / (2 * bound)
    slack = numpy.abs(values) * _HALF_STEP[stored.precision] * scale + 2
    middle = (values + bound) * scale
    top = 2.0**24 - 1
    low, high = numpy.clip(middle - slack, 0, top), numpy.clip(middle + slack, 0, top)
    return numpy.floor(low).astype(numpy.uint32), numpy.ceil(high).astype(numpy.uint32)


def _correlated(seed: int, stored: Stored, window: int) -> int | None:
    import numpy

    template = stored.beginning(_TEMPLATE)
    size = template.size
    scale = 1 / (math.sqrt(float(template @ template)) * stored.draws.deviation)
    turned = numpy.conj(numpy.fft.rfft(template, _FFT))
    stream = Stream(seed)
    fresh = _FFT - size
    for start in range(0, window, fresh):
        stream.settle(start)
        made = uniform(stream.words(start, _FFT), stored.draws.scale)
        z = numpy.fft.irfft(numpy.fft.rfft(made) * turned, _FFT)[:fresh] * scale
        best = int(z.argmax())
        if z[best] > _SEEN_ANYWHERE:
            return start + best
    return None
