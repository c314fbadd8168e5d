"""Running sums over tensors as they are: `Sums` of two of them, rounding, and the hash of one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.compare._engine import PIECE, codes_of, equal_bytes, width_of
from auditor.compare._rounding import Rounding, agree
from auditor.compare._slices import Member, Slice, Strand
from auditor.compare._sources import Room, widened
from auditor.compare._sums import Scratch, Sums
from auditor.compare.conditions import Mark
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RunningSums:
    """A `Running` over two tensors of one shape, or over one that is set against itself; ``finished`` gets the sums."""

    memory = 0

    def __init__(self, members: Sequence[tuple[int, str]], finished: Callable[[Sums], None]) -> None:
        self.strands = (Strand(tuple(Member(*member) for member in dict.fromkeys(members))),)
        self._finished = finished
        self._total = Sums()
        self._first: int | None = None

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        import numpy

        one, two = slices[0], slices[-1]
        found = Sums(Scratch())
        rooms = Room(PIECE), Room(PIECE)
        raw = one.raw.reshape(-1), two.raw.reshape(-1)
        with numpy.errstate(all="ignore"):
            for start in range(0, raw[0].size, PIECE):
                chunks = raw[0][start : start + PIECE], raw[1][start : start + PIECE]
                _add(found, chunks, (one.dtype, two.dtype), rooms)
        if found.first is not None:
            piece, place = divmod(found.first, one.raw.shape[1])
            first = piece * one.row + one.start + place
            self._first = first if self._first is None else min(first, self._first)
        self._total.merge(found)

    def done(self) -> None:
        """As in `Running`."""
        self._total.first = self._first
        self._finished(self._total)


def _add(
    sums: Sums, raw: "tuple[NDArray[Any], NDArray[Any]]", dtypes: tuple[str, str], rooms: tuple[Room, Room]
) -> None:
    one, two = raw
    first, second = dtypes
    if first == second and (one is two or equal_bytes(one, two)):
        sums.add_equal(widened(one, first, rooms[0]), width_of(first) is not None)
        return
    codes = codes_of(one, two, first) if first == second else None
    sums.add(widened(one, first, rooms[0]), widened(two, second, rooms[1]), codes)


class RunningRounding:
    """A `Running` that asks of two tensors whether one holds the other's numbers, rounded."""

    memory = 0

    def __init__(
        self, files: tuple[int, int], infos: tuple[TensorInfo, TensorInfo], rounding: Rounding
    ) -> None:
        members = (Member(file, info.name) for file, info in zip(files, infos, strict=True))
        self.strands = (Strand(tuple(members)),) if rounding.is_open else ()
        self._rounding, self._holds = rounding, True

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        one, two = slices
        self._holds = self._holds and agree(one.numbers, one.dtype, two.numbers, two.dtype)

    def done(self) -> None:
        """As in `Running`."""
        self._rounding.told(self._holds)


class RunningMark:
    """A `Running` that hashes a tensor."""

    memory = 0

    def __init__(self, file: int, mark: Mark, finished: Callable[[Mark], None]) -> None:
        self.strands = (Strand((Member(file, mark.info.name),)),)
        self._mark, self._finished = mark, finished

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        numbers = slices[0].numbers
        if len(numbers) != 1:
            raise CannotRead("is read by columns")
        self._mark.add(numbers[0])

    def done(self) -> None:
        """As in `Running`."""
        self._finished(self._mark)
