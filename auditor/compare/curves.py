"""Two series of one scalar set side by side by step."""

import math
from collections.abc import Iterable

from auditor.model import CurveComparison

RTOL = 1e-6
"""Event files hold float32 and log_history rounds to a few digits; 1e-6 covers both."""

Points = tuple[tuple[int, float], ...]


def compare_series(
    tag: str,
    base_path: str | None,
    base: Iterable[tuple[int, float]],
    head_path: str | None,
    head: Iterable[tuple[int, float]],
    rtol: float = RTOL,
) -> CurveComparison:
    """Compare two series at the steps both have.

    ``first_difference`` is the first such step whose values differ by more than ``rtol`` of the larger one
    (NaN equals NaN, and differs from every number); ``max_gap`` the largest |base - head| where both are
    finite, None where there is no such step. Steps of one side alone are in the points and count for neither.
    """
    one, two = aligned(base), aligned(head)
    other = dict(two)
    common = [(step, value, other[step]) for step, value in one if step in other]
    first = next((step for step, a, b in common if not _near(a, b, rtol)), None)
    gaps = [abs(a - b) for _, a, b in common if math.isfinite(a) and math.isfinite(b)]
    return CurveComparison(tag, base_path, head_path, one, two, first, max(gaps, default=None))


def aligned(points: Iterable[tuple[int, float]]) -> Points:
    """A series in the order it was written, as one point a step, by step.

    The last value of a step counts. Where the steps go back (a resumed run, a further try of
    auto_find_batch_size) everything logged from that step on was thrown away and is dropped here too, as
    TensorBoard does (tensorboard 2.21.0, event_accumulator.py, `_Purge`).
    """
    kept: list[tuple[int, float]] = []
    for step, value in points:
        while kept and kept[-1][0] >= step:
            kept.pop()
        kept.append((step, value))
    return tuple(kept)


def _near(one: float, two: float, rtol: float) -> bool:
    if math.isnan(one) or math.isnan(two):
        return math.isnan(one) and math.isnan(two)
    if math.isinf(one) or math.isinf(two):
        return one == two
    return abs(one - two) <= rtol * max(abs(one), abs(two))
