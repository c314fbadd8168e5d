"""Numbers of float64 in eight bytes each: a tuple of them takes thirty-two, and there may be a hundred adapters."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class Floats(Sequence[float]):
    """Floats that do not change; equal to any sequence of equal numbers, and shown as a tuple."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[float]) -> None:
        self._values = array("d", values)

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        found = self._values[index]
        return Floats(found) if isinstance(found, array) else found

    def __iter__(self) -> Iterator[float]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
