"""Pairs of tensors through a few threads: each unit a stretch of one pair, each thread with memory of its own.

The units do not depend on the number of threads and their sums are added up in order, so results do not either.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import BITS
from auditor.artifacts._tensor_bytes import CHUNK
from auditor.compare._sources import Room, Source, Stored
from auditor.compare._sums import Scratch, Sums
from auditor.compare._ulps import Codes
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from numpy.typing import NDArray

PIECE = 2 * CHUNK
"""Elements that are looked at in one go, and 9 MB a thread; half as many cost 5 % more, a quarter 15 %."""
THREADS = 4
"""Most threads: memory and the interpreter's lock are what they share."""
STRETCH = 64
"""Chunks a unit; a tensor of more elements than 64 chunks is cut, so that one huge embedding keeps all threads busy."""
_WAITING = 64
_WORTH_IT = 1 << 21
"""Elements below which starting threads costs more than they save."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One name with both sides, which have the same number of elements."""

    name: str
    base: Source
    head: Source


@dataclass(frozen=True, slots=True)
class _Unit:
    pair: int
    start: int
    stop: int


def sums_of_pairs(
    pairs: Sequence[Pair], threads: int | None = None, chunk: int = PIECE
) -> Iterator[tuple[str, Sums | CannotRead]]:
    """Compare all pairs; in their order, what was summed up or why a pair could not be read."""
    import numpy

    wanted = max(1, threads) if threads is not None else _worth(pairs)
    rooms = deque((Room(chunk), Room(chunk), Scratch()) for _ in range(wanted))

    def work(unit: _Unit) -> Sums | CannotRead:
        mine = rooms.popleft()
        try:
            with numpy.errstate(all="ignore"):
                return _sums(pairs[unit.pair], unit, mine, chunk)
        except CannotRead as error:
            return error
        finally:
            rooms.append(mine)

    units = _units(pairs, chunk)
    if wanted == 1:
        yield from _merged(pairs, ((unit, work(unit)) for unit in units))
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(wanted) as pool:
        yield from _merged(pairs, _in_order(pool, work, units))


def _worth(pairs: Sequence[Pair]) -> int:
    """How many threads these pairs are worth; a second one on two cores was measured to cost more than it saves."""
    if sum(pair.base.elements for pair in pairs) < _WORTH_IT:
        return 1
    return max(1, min(THREADS, (os.cpu_count() or 1) // 2))


def _in_order(
    pool: "ThreadPoolExecutor", work: Callable[[_Unit], Sums | CannotRead], units: Iterator[_Unit]
) -> Iterator[tuple[_Unit, Sums | CannotRead]]:
    """The results in the order of the units, few of which wait at any time."""
    waiting: deque[tuple[_Unit, Future[Sums | CannotRead]]] = deque()
    for unit in units:
        waiting.append((unit, pool.submit(work, unit)))
        if len(waiting) >= _WAITING:
            first, future = waiting.popleft()
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


def _units(pairs: Sequence[Pair], chunk: int) -> Iterator[_Unit]:
    for number, pair in enumerate(pairs):
        length = STRETCH * chunk
        for start in range(0, max(pair.base.elements, 1), length):
            yield _Unit(number, start, min(start + length, pair.base.elements))


def _merged(
    pairs: Sequence[Pair], found: Iterable[tuple[_Unit, Sums | CannotRead]]
) -> Iterator[tuple[str, Sums | CannotRead]]:
    total: Sums | CannotRead = Sums()
    current = 0
    for unit, item in found:
        if unit.pair != current:
            yield pairs[current].name, total
            current, total = unit.pair, Sums()
        if isinstance(total, Sums) and isinstance(item, Sums):
            total.merge(item)
        elif isinstance(total, Sums):
            total = item
    if pairs:
        yield pairs[current].name, total


def _sums(pair: Pair, unit: _Unit, rooms: tuple[Room, Room, Scratch], chunk: int) -> Sums:
    total = Sums(rooms[2])
    base, head = pair.base, pair.head
    alike = isinstance(base, Stored) and isinstance(head, Stored) and base.dtype == head.dtype
    for start in range(unit.start, unit.stop, chunk):
        count = min(chunk, unit.stop - start)
        one = base.load(start, count, rooms[0])
        two = one if head is base else head.load(start, count, rooms[1])
        if alike and equal_bytes(one, two):
            total.add_equal(base.numbers(one, rooms[0]), width_of(base.dtype) is not None)
            continue
        codes = codes_of(one, two, base.dtype) if alike else None
        total.add(base.numbers(one, rooms[0]), head.numbers(two, rooms[1]), codes)
    base.verify()
    head.verify()
    return total


def equal_bytes(one: "NDArray[Any]", two: "NDArray[Any]") -> bool:
    """Whether two arrays of one dtype have the same bytes; different ones mostly show it at once."""
    import numpy

    left, right = one.view(numpy.uint8), two.view(numpy.uint8)
    if left[:256].tobytes() != right[:256].tobytes():
        return False
    if left.size % 8 == 0:
        left, right = left.view(numpy.uint64), right.view(numpy.uint64)
    return bool(numpy.array_equal(left, right))


def width_of(dtype: str) -> int | None:
    """Bits of a code with its sign, 0 for a code without one, None for dtypes without ULP."""
    if dtype == "F8_E8M0":
        return 0
    return BITS[dtype] if dtype in BITS and dtype[0] in "FB" and dtype != "BOOL" else None


def codes_of(one: "NDArray[Any]", two: "NDArray[Any]", dtype: str) -> Codes | None:
    """The codes behind stored elements of one dtype; None for dtypes without ULP."""
    width = width_of(dtype)
    word = f"u{one.dtype.itemsize}"
    return None if width is None else Codes(one.view(word), two.view(word), width, dtype)
