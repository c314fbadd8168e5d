"""Fact by fact, each within its own tolerance; knows no format."""

import math
from collections.abc import Iterator, Mapping

from auditor.model import Change, Fact


def compare(
    base: Mapping[str, Fact], head: Mapping[str, Fact], tolerance: Mapping[str, float] | None = None
) -> tuple[Change, ...]:
    """Every fact that differs, by key. A fact that both sides agree on yields nothing.

    ``tolerance`` is relative, by key (``loss`` is every ``loss@step``); it widens a fact's own and never narrows it.
    """
    return tuple(_changes(base, head, tolerance or {}))


def _changes(
    base: Mapping[str, Fact], head: Mapping[str, Fact], tolerance: Mapping[str, float]
) -> Iterator[Change]:
    for key in sorted({*base, *head}):
        one, two = base.get(key), head.get(key)
        if one is None and two is not None:
            yield Change(key, "added", None, two.value)
        elif two is None and one is not None:
            yield Change(key, "removed", one.value, None)
        elif one is not None and two is not None and not identical(one.value, two.value):
            rtol = max(one.rtol, two.rtol, tolerance.get(key.partition("@")[0], 0.0))
            near = one.ignorable or close(one.value, two.value, rtol, max(one.atol, two.atol))
            yield Change(key, "within tolerance" if near else "changed", one.value, two.value)


def identical(one: object, two: object) -> bool:
    """Equality in which NaN equals NaN and True is not 1."""
    if isinstance(one, float) and isinstance(two, float) and math.isnan(one) and math.isnan(two):
        return True
    return isinstance(one, bool) == isinstance(two, bool) and one == two


def close(one: object, two: object, rtol: float, atol: float) -> bool:
    """|one - two| <= atol + rtol |two| for numbers (NumPy's isclose, made symmetric); never true for other types."""
    if isinstance(one, bool) or isinstance(two, bool):
        return False
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return False
    if not (math.isfinite(one) and math.isfinite(two)):
        return False
    return abs(one - two) <= atol + rtol * max(abs(one), abs(two))
