"""Where two results differ, number by number."""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from auditor.model.floats import Floats


def differences(
    one: object, two: object, rel: float = 1e-9, least: float = 1e-12, at: str = ""
) -> Iterator[tuple[str, object, object]]:
    """(place, one, two) of whatever is not equal; floats are as far as ``rel`` and ``least`` let them, NaN is NaN."""
    if isinstance(one, float) and isinstance(two, float):
        if not math.isclose(one, two, rel_tol=rel, abs_tol=least) and (one == one or two == two):
            yield at, one, two
        return
    parts = _parts(one), _parts(two)
    if type(one) is not type(two) or parts[0] is None or parts[1] is None or list(parts[0]) != list(parts[1]):
        if one != two:
            yield at, one, two
        return
    for key, part in parts[0].items():
        yield from differences(part, parts[1][key], rel, least, f"{at}/{key}")


def _parts(value: object) -> Mapping[object, object] | None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return value
    return dict(enumerate(value)) if isinstance(value, tuple | list | Floats) else None
