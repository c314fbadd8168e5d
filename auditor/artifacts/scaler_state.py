"""scaler.pt: the gradient scaler of fp16 mixed precision, whose scale tells how many steps were skipped."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickled import Pickled
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.model import Fact

INITIAL_SCALE = 65536.0
"""torch.amp.GradScaler's default ``init_scale`` (torch/amp/grad_scaler.py)."""


@dataclass(frozen=True, slots=True)
class ScalerState(Pickled):
    """One scaler.pt; ``growth_tracker`` counts clean steps since the last change of the scale."""

    patterns: ClassVar[tuple[str, ...]] = ("scaler.pt",)
    path: str
    scale: float | None
    growth_factor: float | None
    backoff_factor: float | None
    growth_interval: int | None
    growth_tracker: int | None

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """Read the state dict. Raises CannotRead when the file holds something else."""
        value = plain(archive.value)
        if not isinstance(value, dict) or (value and "scale" not in value):
            raise CannotRead("does not hold the state of a gradient scaler")
        return cls(
            archive.path,
            _number(value.get("scale")),
            _number(value.get("growth_factor")),
            _number(value.get("backoff_factor")),
            _count(value.get("growth_interval")),
            _count(value.get("_growth_tracker")),
        )

    @property
    def growths_minus_skips(self) -> int | None:
        """log2(scale / 65536): doublings minus halvings since the start.

        None when that is no whole number, and when the factors are not torch's 2 and 1/2.
        """
        if not self.scale or self.scale <= 0 or not math.isfinite(self.scale):
            return None
        if self.growth_factor not in (None, 2.0) or self.backoff_factor not in (None, 0.5):
            return None
        mantissa, exponent = math.frexp(self.scale / INITIAL_SCALE)
        return exponent - 1 if mantissa == 0.5 else None

    def facts(self) -> Mapping[str, Fact]:
        """Every field exactly."""
        return {
            "scale": Fact(self.scale),
            "growth_factor": Fact(self.growth_factor),
            "backoff_factor": Fact(self.backoff_factor),
            "growth_interval": Fact(self.growth_interval),
            "_growth_tracker": Fact(self.growth_tracker),
        }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
