"""Where the storages of torch's legacy stream lie: torch.save before 1.6, and ``_use_new_zipfile_serialization=False``.

Five pickles (magic number, protocol, system info, the object, the keys), then for each key in that order eight bytes
with the number of elements, little-endian, and the elements (torch 2.13, serialization.py `_legacy_save`;
csrc/serialization.cpp, THPStorage_writeFileRaw). The size of an element is known only from the object's pickle.
"""

from __future__ import annotations

from auditor.artifacts._pickle_names import ITEMSIZE
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

_HEAD = 8
_QUANTIZED = {"qint8": 1, "quint8": 1, "qint32": 4}
"""Bytes of an element of dtypes that are stepped over."""


def storages(
    stream: BinaryIO, start: int, keys: object, named: Mapping[str, tuple[str, int]]
) -> Mapping[str, tuple[int, int]]:
    """(offset of the first element, bytes) by key, as far as the file agrees with what the object says.

    ``named`` are dtype and elements of those that the object names; storages of bytes (torch 2.13, _utils.py,
    `_rebuild_tensor_v3`) count these. A storage that it does not name, that has another number of elements, or that
    goes beyond the end is where the table stops: what follows cannot be found.
    """
    end = stream.seek(0, 2)
    found: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else ():
        dtype, count = named.get(key, ("", 0)) if isinstance(key, str) else ("", 0)
        itemsize = ITEMSIZE.get(dtype, _QUANTIZED.get(dtype))
        if itemsize is None or start + _HEAD > end:
            break
        stream.seek(start)
        size = count * itemsize
        if int.from_bytes(stream.read(_HEAD), "little") != count or start + _HEAD + size > end:
            break
        found[key] = (start + _HEAD, size)
        start += _HEAD + size
    return found


def first_bytes(stream: BinaryIO, place: int, start: int, size: int) -> bytes:
    """``size`` bytes from ``start`` of the storage whose elements begin at ``place``. Raises CannotRead."""
    try:
        stream.seek(place + start)
        data = stream.read(size)
    except (OSError, ValueError, OverflowError) as error:
        raise CannotRead("ends inside a tensor storage") from error
    except MemoryError as error:
        raise CannotRead(f"has a tensor storage of {size:,} bytes, which do not fit into memory") from error
    if len(data) != size:
        raise CannotRead("ends inside a tensor storage")
    return data
