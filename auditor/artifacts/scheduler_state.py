"""scheduler.pt: how far the learning-rate schedule had run, and from which peak."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickled import Pickled
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.model import Fact

_LR_RTOL = 1e-12
"""The closed forms are computed in float64; what remains is the order of operations."""


@dataclass(frozen=True, slots=True)
class SchedulerState(Pickled):
    """One scheduler.pt: ``last_epoch`` counts scheduler steps; rates are per parameter group."""

    patterns: ClassVar[tuple[str, ...]] = ("scheduler.pt",)
    path: str
    last_epoch: int | None
    step_count: int | None
    base_lrs: tuple[float, ...]
    last_lr: tuple[float, ...]
    raw: Mapping[str, object]

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """Read the state dict. Raises CannotRead when the file holds something else."""
        value = plain(archive.value)
        if not isinstance(value, dict) or not {"last_epoch", "base_lrs", "_last_lr"} & set(value):
            raise CannotRead("does not hold the state of a learning-rate scheduler")
        return cls(
            archive.path,
            _integer(value.get("last_epoch")),
            _integer(value.get("_step_count")),
            _rates(value.get("base_lrs")),
            _rates(value.get("_last_lr")),
            value,
        )

    def facts(self) -> Mapping[str, Fact]:
        """Counters exactly, rates within 1e-12."""
        rates = {f"base_lrs[{i}]": Fact(rate, rtol=_LR_RTOL) for i, rate in enumerate(self.base_lrs)}
        last = {
            f"_last_lr[{i}]": Fact(rate, rtol=_LR_RTOL, atol=1e-18) for i, rate in enumerate(self.last_lr)
        }
        return {"last_epoch": Fact(self.last_epoch), "_step_count": Fact(self.step_count), **rates, **last}


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _rates(value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        float(item) for item in value if isinstance(item, int | float) and not isinstance(item, bool)
    )
