"""The safetensors container: its header checked to the last byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, NoReturn

from auditor.artifacts._base import json_type
from auditor.errors import CannotRead

HEADER_LIMIT = 100_000_000
"""Longest header in bytes (safetensors 0.8.0, `MAX_HEADER_SIZE`)."""
TENSOR_LIMIT = 200_000
"""Tensors read at most: LoRA on 384 experts x 3 projections x 61 layers has 140,544."""
BITS: Mapping[str, int] = {
    word: bits
    for bits, words in {
        64: "F64 I64 U64 C64",
        32: "F32 I32 U32",
        16: "F16 BF16 I16 U16",
        8: "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ",
        6: "F6_E2M3 F6_E3M2",
        4: "F4",
    }.items()
    for word in words.split()
}
"""Bits an element, for every dtype word of safetensors 0.8.0."""
_INTEGER_LIMIT = 2**63
_SHOWN = 120
_REMEMBERED = 400
"""Characters of a name with which a tensor's description is remembered."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a file: dtype in the safetensors word, ``begin`` and ``end`` as byte offsets in the file.

    In a torch file ``begin`` is 0 and ``end`` the number of bytes: its storages have no place of their own.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def nbytes(self) -> int:
        """Size of the data in bytes."""
        return self.end - self.begin

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a tensor without dimensions."""
        total = 1
        for dimension in self.shape:
            total *= dimension
        return total


def safetensors_header(stream: BinaryIO, size: int) -> tuple[Mapping[str, TensorInfo], Mapping[str, str]]:
    """Read and check a header: the tensors by name in the order of their data, and ``__metadata__``.

    ``size`` is the length of the whole file in bytes. Nothing behind the header is read. Raises CannotRead
    for whatever the safetensors library refuses, and for duplicate names, which it accepts.
    """
    if size == 0:
        raise CannotRead("is empty")
    start = stream.read(8)
    if len(start) < 8:
        raise CannotRead(f"is {size} bytes long, too short for a safetensors header")
    length = int.from_bytes(start, "little")
    if length > HEADER_LIMIT:
        raise CannotRead(f"declares a header of {length} bytes, more than the format's {HEADER_LIMIT}")
    if length > size - 8:
        raise CannotRead(f"declares a header of {length} bytes but the file has {size}")
    document = _document(stream.read(length), length)
    metadata = _metadata(document.pop("__metadata__", {}))
    tensors = [_tensor(name, entry, 8 + length, size) for name, entry in document.items()]
    tensors.sort(key=lambda info: (info.begin, info.end))
    _check_layout(tensors, 8 + length, size)
    return {info.name: info for info in tensors}, metadata


_OURS = (
    "too many to read",
    "the unknown dtype",
    " twice",
    "which is not decoded",
    "which is not read",
    "than any ",
)
"""In the reasons for which a file is refused by us and not by the library that loads it."""


def is_damage(reason: str) -> bool:
    """Whether a reason of `CannotRead` says that a weight file is damaged, and not that we do not read such files."""
    return not any(words in reason for words in _OURS)


def stream_size(stream: BinaryIO) -> int:
    """The length of a seekable stream in bytes; leaves it at its start."""
    size = stream.seek(0, 2)
    stream.seek(0)
    return size


def shown(name: str) -> str:
    """A name in a sentence, in quotes, cut at 120 characters."""
    return repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "…")


def _document(data: bytes, length: int) -> dict[str, object]:
    if len(data) != length:
        raise CannotRead(f"ends in the middle of its header of {length} bytes")
    if data.count(b"{") > TENSOR_LIMIT:
        raise CannotRead(f"has a header of more than {TENSOR_LIMIT:,} tensors, too many to read")
    if not data.startswith(b"{"):
        raise CannotRead("is no safetensors file: its header does not begin with '{'")
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise CannotRead(f"has a header that is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise CannotRead(f"has a header that is not valid JSON: {error.msg} at byte {error.pos}") from error
    except (RecursionError, ValueError) as error:
        raise CannotRead("has a header that is nested too deeply or holds an absurd number") from error
    document: dict[str, object] = raw
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise CannotRead(f"has a header that names {shown(key)} twice")
            seen.add(key)
    return found


def _no_constant(word: str) -> NoReturn:
    raise CannotRead(f"has a header that is not valid JSON: it holds {word}")


def _metadata(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise CannotRead(f"has a header whose __metadata__ is a JSON {json_type(value)}, not an object")
    for key, text in value.items():
        if not isinstance(text, str):
            raise CannotRead(f"has a header whose __metadata__ entry {shown(key)} is no string")
    return value


def _tensor(name: str, entry: object, data_start: int, size: int) -> TensorInfo:
    if not isinstance(entry, dict):
        raise CannotRead(f"describes tensor {shown(name)} by a JSON {json_type(entry)}, not an object")
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise CannotRead(f"gives tensor {shown(name)} the unknown dtype {shown(str(dtype))}")
    shape = _integers(entry.get("shape"))
    if shape is None:
        raise CannotRead(f"gives tensor {shown(name)} a shape that is no list of sizes")
    offsets = _integers(entry.get("data_offsets"))
    if offsets is None or len(offsets) != 2:
        raise CannotRead(f"gives tensor {shown(name)} data_offsets that are no pair of numbers")
    begin, end = offsets
    if begin > end:
        raise CannotRead(f"gives tensor {shown(name)} data that end before they begin ({begin} to {end})")
    if end > size - data_start:
        raise CannotRead(
            f"ends before the data of tensor {shown(name)}, at byte {end} of {size - data_start} of the data"
        )
    _check_extent(name, dtype, shape, end - begin)
    made = _known if len(name) <= _REMEMBERED else TensorInfo
    return made(name, dtype, shape, data_start + begin, data_start + end)


_known = lru_cache(maxsize=8192)(TensorInfo)
"""Checkpoints of one run describe the same tensors, of which there need be one in memory."""


def _check_extent(name: str, dtype: str, shape: tuple[int, ...], nbytes: int) -> None:
    """Bits, not bytes: F4 and F6 elements share bytes. Stops early, so that absurd shapes cost nothing."""
    bits = 0 if 0 in shape else BITS[dtype]
    for dimension in shape if bits else ():
        bits *= dimension
        if bits > nbytes * 8:
            break
    if bits != nbytes * 8:
        listed = list(shape) if len(shape) <= 8 else f"with {len(shape)} dimensions"
        raise CannotRead(
            f"gives tensor {shown(name)} {nbytes} bytes where {dtype} {listed} needs another number"
        )


def _integers(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    good = [
        item
        for item in value
        if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < _INTEGER_LIMIT
    ]
    return tuple(good) if len(good) == len(value) else None


def _check_layout(tensors: list[TensorInfo], data_start: int, size: int) -> None:
    position = data_start
    for info in tensors:
        if info.begin < position:
            raise CannotRead(f"lets the data of tensor {shown(info.name)} overlap those of another tensor")
        if info.begin > position:
            raise CannotRead(f"leaves {info.begin - position} bytes unused before tensor {shown(info.name)}")
        position = info.end
    if position != size:
        raise CannotRead(f"holds {size - position} bytes behind its last tensor")
