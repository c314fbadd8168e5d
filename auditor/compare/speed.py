"""How many steps the last row of a training counts by its speed and its time."""

import math
from collections.abc import Mapping

from auditor.artifacts._fields import is_number

ROUNDED, RUNTIME_ROUNDED = 5.1e-4, 5.1e-5
"""Half of the last digit that `speed_metrics` keeps of a speed and of the runtime in seconds."""
_SURE = 0.1
"""Steps: with more slack than that almost any number is near a whole one."""


def made_and_slack(row: Mapping[str, object]) -> tuple[float, float] | None:
    """Steps by ``train_steps_per_second`` and ``train_runtime``, and what their rounding leaves open.

    Source: transformers 4.51.3 and 5.23.0, trainer_utils.py, ``speed_metrics``.
    """
    runtime, speed = row.get("train_runtime"), row.get("train_steps_per_second")
    if (
        not is_number(runtime)
        or not is_number(speed)
        or not math.isfinite(runtime)
        or not math.isfinite(speed)
    ):
        return None
    return (speed * runtime, ROUNDED * runtime + RUNTIME_ROUNDED * speed) if speed > 0 else None


def steps_by_speed(row: Mapping[str, object]) -> int | None:
    """The whole number of steps that a row counts; None where rounding leaves it open, or it is none."""
    found = made_and_slack(row)
    if found is None or not found[0] < 1e12 or found[1] > _SURE:
        return None
    steps = round(found[0])
    return steps if steps > 0 and abs(found[0] - steps) <= found[1] else None
