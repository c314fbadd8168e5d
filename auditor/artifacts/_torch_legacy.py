"""Where the storages of torch's legacy stream lie: torch.save before 1.6, and ``_use_new_zipfile_serialization=False``.

Five pickles (magic number, protocol, system info, the object, the keys), then for each key in that order eight bytes
with the number of elements, little-endian, and the elements (torch 2.13, serialization.py `_legacy_save`;
csrc/serialization.cpp, THPStorage_writeFileRaw). The size of an element is known only from the tensors that use it.
"""

from __future__ import annotations

from auditor.artifacts._pickle_names import ITEMSIZE
from auditor.artifacts._pickle_values import Instance, TensorRef
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

_NODES = 1_000_000
"""Values looked at for tensors; a state dict of 140,000 tensors has some 300,000."""
_HEAD = 8
_QUANTIZED = {"qint8": 1, "quint8": 1, "qint32": 4}
"""Bytes of an element of dtypes that are stepped over."""
_UNTYPED = frozenset({"uint16", "uint32", "uint64"})
"""Dtypes without a storage class: their storages count bytes (torch 2.13, _utils.py, `_rebuild_tensor_v3`)."""


def storages(
    stream: BinaryIO, start: int, keys: object, value: object, named: Mapping[str, tuple[str, int]]
) -> Mapping[str, tuple[int, int]]:
    """(offset of the first element, bytes) by key, as far as the file agrees with what its tensors say.

    ``named`` are dtype and elements of those that the pickle names, of sparse and quantized tensors too. A storage that
    nothing names, that has another number of elements, or that goes beyond the end is where the table stops: what
    follows cannot be found.
    """
    known = {key: _sizes(*of) for key, of in named.items()}
    known |= {ref.storage_key: _sizes(ref.dtype, ref.storage_numel) for ref in _tensors(value)}
    end = stream.seek(0, 2)
    found: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else ():
        sizes = known.get(key) if isinstance(key, str) else None
        if sizes is None or start + _HEAD > end:
            break
        stream.seek(start)
        count, size = sizes
        if int.from_bytes(stream.read(_HEAD), "little") != count or start + _HEAD + size > end:
            break
        found[key] = (start + _HEAD, size)
        start += _HEAD + size
    return found


def _sizes(dtype: str, elements: int) -> tuple[int, int] | None:
    """What a storage says of its length, and how many bytes it has; None for dtypes of which that is not known."""
    itemsize = ITEMSIZE.get(dtype, _QUANTIZED.get(dtype))
    if itemsize is None:
        return None
    return elements * itemsize if dtype in _UNTYPED else elements, elements * itemsize


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


def _tensors(value: object) -> list[TensorRef]:
    """Every tensor inside a read value, each container once."""
    found: list[TensorRef] = []
    todo, seen, left = [value], set[int](), _NODES
    while todo and left:
        left -= 1
        item = todo.pop()
        if isinstance(item, TensorRef):
            found.append(item)
        elif isinstance(item, dict | list | tuple | Instance) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(_inside(item))
    return found


def _inside(item: dict[object, object] | list[object] | tuple[object, ...] | Instance) -> list[object]:
    if isinstance(item, Instance):
        return [*item.state.values(), *item.items, *item.arguments]
    return list(item.values() if isinstance(item, dict) else item)
