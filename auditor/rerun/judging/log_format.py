"""What a file makes of a logged number: float32 in event files, few decimals where somebody rounds."""

import math
import struct
from collections.abc import Collection
from dataclasses import dataclass

from auditor.rerun.judging.gaps import relative

_MOST, _LEAST = 6, 2
"""Decimals of a column that count as rounded: more show what was computed, fewer leave nothing to compare."""
_COARSE = 16.0
"""Spacings of float32 that a last decimal must span, so that float32 itself is not taken for rounding."""
FULL = 4
"""Decimals that old releases round a logged loss to (transformers 4.51.3, trainer.py): as many count as the value."""


@dataclass(frozen=True, slots=True)
class Format:
    """``decimals`` is None where nothing was rounded; ``single`` says that float32 is stored."""

    single: bool = False
    decimals: int | None = None

    @classmethod
    def of(cls, values: Collection[float], single: bool, *, counted: bool = False) -> "Format":
        """The format of a column, by what all its values have in common.

        ``counted`` values (rates, epochs) are short by themselves and never taken for rounded.
        """
        if counted:
            return cls(single)
        largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
        for decimals in range(_LEAST, _MOST + 1):
            found = cls(single, decimals)
            if single and 10.0**-decimals < _COARSE * largest * 2.0**-24:
                break
            if values and all(math.isnan(value) or value == found(value) for value in values):
                return found
        return cls(single)

    def __call__(self, value: float) -> float:
        """A number as the file would hold it."""
        kept = value if self.decimals is None or not math.isfinite(value) else round(value, self.decimals)
        return _single(kept) if self.single else kept

    def apart(self, theirs: float, ours: float) -> float:
        """Relative gap between a stored number and one of ours, beyond what was rounded away."""
        gap = relative(theirs, self(ours))
        if self.decimals is None or not 0 < gap < math.inf:
            return gap
        lost = 0.5 * 10.0**-self.decimals
        return max(0.0, abs(theirs - ours) - lost) / max(abs(theirs), abs(ours))

    @property
    def words(self) -> str:
        """Empty, or ``, rounded to 4 decimals as in the file``."""
        return "" if self.decimals is None else f", rounded to {self.decimals} decimals as in the file"


def _single(value: float) -> float:
    """The nearest float32, as a Python float."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
