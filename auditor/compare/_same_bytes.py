"""Whether two files have the same bytes, without NumPy: faster than importing it for most files."""

from auditor.artifacts._opened import Opened

_BUFFER = 256 * 1024
"""Bytes a read: fits the second-level cache with its twin."""


def same_bytes(one: Opened, two: Opened) -> bool:
    """Whether both files hold the same, up to the first difference. Raises CannotRead."""
    if one.size != two.size:
        return False
    left, right = bytearray(_BUFFER), bytearray(_BUFFER)
    views = memoryview(left), memoryview(right)
    whole = one.size - one.size % _BUFFER
    for start in range(0, whole, _BUFFER):
        # bytearrays and not their views, which compare byte by byte at a tenth of the speed.
        if not (one.fill(views[0], start) and two.fill(views[1], start)) or left != right:
            return False
    rest = one.size - whole
    found = one.fill(views[0][:rest], whole) and two.fill(views[1][:rest], whole)
    one.verify()
    two.verify()
    return found and left[:rest] == right[:rest]
