"""Whether two sides are the same files, byte by byte, or by their headers where the tensors are known to be equal."""

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._same_bytes import same_bytes
from auditor.compare._sets import WeightSet
from auditor.errors import CannotRead


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


def have_equal_headers(one: WeightSet, two: WeightSet) -> bool:
    """Whether safetensors files have the same bytes before their tensors, behind which there are none."""
    if one.problems or two.problems or [f.size for f in one.files] != [f.size for f in two.files]:
        return False
    try:
        return all(
            _header(mine) == _header(theirs) for mine, theirs in zip(one.files, two.files, strict=True)
        )
    except CannotRead:
        return False


def _header(weights: AdapterWeights) -> bytearray:
    size = min((info.begin for info in weights.tensors.values()), default=weights.size)
    data = bytearray(size)
    with weights.opened() as file:
        if not file.fill(memoryview(data), 0):
            raise CannotRead("ends in the middle of its header")
    return data
