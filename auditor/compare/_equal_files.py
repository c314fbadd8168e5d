"""Whether two sides are the same files, byte by byte, or by what lies around tensors that are known to be equal."""

from collections.abc import Iterator

from auditor.artifacts._opened import Opened
from auditor.artifacts._tensor_bytes import Region
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._same_bytes import same_bytes
from auditor.compare._sets import WeightSet
from auditor.errors import CannotRead

_PIECE = 256 * 1024
"""Bytes that are compared at a time."""


def are_equal_files(one: WeightSet, two: WeightSet) -> bool:
    """Whether both sides are the same files, byte by byte; what cannot be read is left to the comparison of numbers."""
    if one.problems or two.problems or [f.size for f in one.files] != [f.size for f in two.files]:
        return False
    try:
        for mine, theirs in zip(one.files, two.files, strict=True):
            with mine.opened() as left, theirs.opened() as right:
                if mine.format != theirs.format or not same_bytes(left, right):
                    return False
    except CannotRead:
        return False
    return True


def have_equal_rest(one: WeightSet, two: WeightSet) -> bool:
    """Whether files have the same bytes around their tensors, which lie in the same places.

    Between the elements of scattered ones too, which fill their stretch only where they are turned round in it.
    """
    if one.problems or two.problems or [f.size for f in one.files] != [f.size for f in two.files]:
        return False
    try:
        return all(_same_rest(mine, theirs) for mine, theirs in zip(one.files, two.files, strict=True))
    except CannotRead:
        return False


def _same_rest(one: AdapterWeights, two: AdapterWeights) -> bool:
    with one.opened() as left, two.opened() as right:
        rest = list(_rest(one, left))
        if one.format != two.format or rest != list(_rest(two, right)):
            return False
        for start, size in rest:
            for place in range(start, start + size, _PIECE):
                count = min(_PIECE, start + size - place)
                if _bytes(left, place, count) != _bytes(right, place, count):
                    return False
        left.verify()
        right.verify()
    return True


def _rest(weights: AdapterWeights, file: Opened) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of what lies between tensors. Raises CannotRead."""
    regions = [weights.region(name, file) for name in weights.tensors]
    stored = ((r.begin, r.elements * r.bits // 8) for r in regions if r.elements and _is_whole(r))
    end = 0
    for begin, size in sorted(stored):
        if begin > end:
            yield end, begin - end
        end = max(end, begin + size)
    if file.size > end:
        yield end, file.size - end


def _is_whole(region: Region) -> bool:
    """Whether the elements fill the stretch of the file that they lie in, in whatever order."""
    step = 1
    shape, strides = region.strides or ((), ())
    for stride, size in sorted(
        (stride, size) for size, stride in zip(shape, strides, strict=True) if size > 1
    ):
        if stride != step:
            return False
        step *= size
    return True


def _bytes(file: Opened, start: int, size: int) -> bytearray:
    data = bytearray(size)
    if not file.fill(memoryview(data), start):
        raise CannotRead("ends in the middle of its header")
    return data
