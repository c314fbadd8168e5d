"""One module of two adapters set side by side while its tensors pass by once."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo, shown
from auditor.compare._factors import BrokenError, Factors, NotComparableError, wide
from auditor.compare._measured import Measured
from auditor.compare._names import Match
from auditor.compare._products import Norm, Products
from auditor.compare._relation import Unmeasured
from auditor.compare._scaled import Scaled, as_measured, own_multiple
from auditor.compare._seen import rows_of, strand_of
from auditor.compare._sides import (
    Look,
    Side,
    State,
    equal_alphas,
    magnitude_distance,
    may_be_alike,
    meaning,
    of_another_kind,
    parts_of,
    relative,
    same_file,
    state_of,
)
from auditor.compare._slices import Slice
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

_B, _MAGNITUDE, _ALPHA = 1, 2, 3
"""Places of lora_B, of DoRA's magnitude and of kohya's alpha, which is no part of what passes by, in `parts_of`."""
_Some = tuple[tuple[int, TensorInfo], ...]


class RunningPair:
    """A `Running` that gives ``finished`` what `look` and `scaled` make of a module, which a side may lack."""

    def __init__(
        self,
        sides: tuple[Side, Side],
        match: Match,
        files: tuple[int, int],
        finished: Callable[[Look, Scaled | None], None],
    ) -> None:
        self._sides, self._match, self._finished = sides, match, finished
        self._names = match.base, match.head
        self._errors: list[NotComparableError | CannotRead | None] = [None, None]
        self._factors = [self._known(side) for side in (0, 1)]
        one, two = self._factors
        both = one is not None and two is not None
        self._other = of_another_kind(match, one, two) if one is not None and two is not None else None
        self._products = Products(one, two) if one is not None and two is not None else None
        self._norms = [Norm(f) if f is not None and not both else None for f in self._factors]
        self._finite = [[True, True], [True, True]]
        self._alike = [True] * _ALPHA
        self._squares = [0.0, 0.0, 0.0]
        self._plans = tuple(self._planned()) if self._other is None else ()
        self.strands = tuple(
            strand_of(self._cut(part, some), part == _B, [(files[side], info) for side, info in some])
            for part, some in self._plans
        )

    @property
    def memory(self) -> int:
        """As in `Running`."""
        return sum(item.memory for item in (self._products, *self._norms) if item is not None)

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        import numpy

        part, some = self._plans[strand]
        numbers = [item.numbers for item in slices]
        if self._alike[part] and len(some) == 2:
            self._alike[part] = numpy.array_equal(numbers[0], numbers[1], equal_nan=True)
        with numpy.errstate(over="ignore", invalid="ignore", under="ignore"):
            if part == _MAGNITUDE:
                one, two = (wide(item).reshape(-1) for item in numbers)
                for number, vector in enumerate((one, two, one - two)):
                    self._squares[number] += float(numpy.vdot(vector, vector))
            elif part <= _B:
                self._add(part, {side: item for (side, _), item in zip(some, numbers, strict=True)})

    def done(self) -> None:
        """As in `Running`."""
        if self._other is not None:
            self._finished(Unmeasured(self._other, "different"), None)
            return
        found, cross = self._measured()
        error = self._errors[0] or self._errors[1] or self._refusal(found)
        if error is not None:
            states = (
                self._state(0, found.base, found.base_noise),
                self._state(1, found.head, found.head_noise),
            )
            self._finished(meaning(str(error), states, self._is_stored_alike()), None)
            return
        self._finished((found, self._magnitude()), _scaled(found, cross))

    def _known(self, side: int) -> Factors | None:
        """The factors of a side; None, and the error, when they make no update."""
        name = self._names[side]
        try:
            return None if name is None else self._sides[side].factors(name)
        except (NotComparableError, CannotRead) as error:
            self._errors[side] = error
            return None

    def _planned(self) -> Iterator[tuple[int, _Some]]:
        """Which part of which sides is read together."""
        parts = [
            (None,) * (_ALPHA + 1) if name is None else parts_of(side.modules[name])
            for side, name in zip(self._sides, self._names, strict=True)
        ]
        for part in range(_ALPHA):
            some = tuple((side, info) for side in (0, 1) if (info := parts[side][part]) is not None)
            is_factor = part <= _B and self._products is not None
            if len(some) == 2 and (is_factor or some[0][1].shape == some[1][1].shape):
                yield part, some
                continue
            for side, info in some:
                if part <= _B and self._factors[side] is not None:
                    yield part, ((side, info),)

    def _cut(self, part: int, some: _Some) -> Factors | None:
        """Factors that tell how a tensor is cut; None where nobody minds."""
        known = (self._factors[side] for side, _ in some)
        return next(filter(None, known), None) if part <= _B else None

    def _add(self, part: int, numbers: "dict[int, NDArray[Any]]") -> None:
        import numpy

        rows: dict[int, NDArray[Any]] = {}
        for side, some in numbers.items():
            self._finite[side][part] = self._finite[side][part] and bool(numpy.isfinite(some).all())
            factors = self._factors[side]
            if factors is not None:
                rows[side] = rows_of(some, part == _B, factors.rank)
        if self._products is not None:
            (self._products.left if part == _B else self._products.right)(rows[0], rows[1])
        for side, norm in enumerate(self._norms):
            if norm is not None and side in rows:
                (norm.left if part == _B else norm.right)(rows[side])

    def _measured(self) -> tuple[Measured, float]:
        """As `measure`, and the inner product of both updates."""
        if self._products is not None:
            return self._products.measured()
        base, head = (0.0 if norm is None else norm.measured() for norm in self._norms)
        return Measured(base, head, base + head), 0.0

    def _refusal(self, found: Measured) -> NotComparableError | None:
        """Why the numbers of both sides make no measure."""
        broken = self._broken(0) or self._broken(1)
        if broken is not None or math.isfinite(found.base + found.head + found.gap):
            return broken
        return self._too_large(0 if self._factors[0] is not None else 1)

    def _broken(self, side: int) -> BrokenError | None:
        factors = self._factors[side]
        if factors is None or all(self._finite[side]):
            return None
        info = factors.b if self._finite[side][0] else factors.a
        path = factors.weights.path
        return BrokenError(f"tensor {shown(info.name)} in {path} holds NaN or infinite values")

    def _too_large(self, side: int) -> NotComparableError:
        factors = self._factors[side]
        name = "" if factors is None else factors.a.name
        return NotComparableError(f"tensor {shown(name)} holds numbers too large for their squares")

    def _state(self, side: int, norm: float, noise: float) -> State:
        """``noise`` is made of the squares of this side's own numbers."""
        error = self._errors[side] or self._broken(side)
        # Beside numbers that are not finite the other side's norm may not be either.
        known = norm if self._broken(1 - side) is None else noise
        if error is None and self._factors[side] is not None and not math.isfinite(known):
            error = self._too_large(side)
        return (None, False) if error is None else state_of(self._sides[side], error)

    def _is_stored_alike(self) -> bool:
        one, two = self._sides
        if not may_be_alike(one, two, self._match):
            return False
        if same_file(one, two) and self._match.base == self._match.head:
            return True
        return all(self._alike) and equal_alphas(one, two, self._match)

    def _magnitude(self) -> float | None:
        """As `magnitude_distance`."""
        if all(part != _MAGNITUDE for part, _ in self._plans):
            return magnitude_distance(*self._sides, self._match)
        return 0.0 if self._alike[_MAGNITUDE] else relative(*map(math.sqrt, self._squares))


def _scaled(found: Measured, cross: float) -> Scaled:
    """As `scaled`, from the inner product of both updates."""
    k = own_multiple(found)
    noises = found.base_noise, found.head_noise
    if k is None:
        return as_measured(found)
    return Scaled(
        found.base, found.head, max(0.0, found.base - 2 * cross / k + found.head / k**2), k, *noises
    )
