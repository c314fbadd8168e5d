"""The zip container of torch.save: its directory, what is odd about it, and bytes of its entries.

torch's reader (caffe2/serialize/inline_container.cc on miniz) looks for ``<top folder of the first entry>/data.pkl``
and compares names without regard to case; so do we. Only uncompressed entries are read, except for the pickle.
"""

from __future__ import annotations

import itertools
import struct
import zlib

from auditor.artifacts._zip_directory import Entry, plain_directory
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO, BinaryIO

    from auditor.artifacts._opened import Opened

    Unpack = Callable[[Entry], IO[bytes]]
    """Opens a compressed entry."""

PICKLE_LIMIT = 256 * 1024 * 1024
"""Largest data.pkl read, in bytes; tensors lie in entries of their own and are not part of it."""
ENTRY_LIMIT = 200_000
_DIRECTORY_LIMIT = 16 * 1024 * 1024
"""Largest central directory, in bytes: 200,000 entries of torch's have some 16 MB."""
_PICKLES = 10
_CHUNK = 1024 * 1024
LOCAL_HEADER = 30
"""Bytes of a local file header before its name and extra field (APPNOTE.TXT 4.3.7)."""
STORED = 0
"""Compression method of an uncompressed entry (APPNOTE.TXT 4.4.5)."""


class Container:
    """A zip's directory. ``pickles`` are the bytes of its pickles, first of that which torch loads.

    ``entries`` maps names to sizes in bytes, ``places`` the names of uncompressed entries to the offsets of their
    local headers; ``prefix`` ends in "/". ``broken`` says why the pickle is not the one that was written.
    """

    __slots__ = ("broken", "entries", "little_endian", "pickles", "places", "prefix", "problems")

    def __init__(
        self,
        *,
        entries: Mapping[str, int],
        places: Mapping[str, int],
        prefix: str,
        problems: tuple[str, ...],
        pickles: tuple[bytes, ...],
        little_endian: bool,
        broken: str | None,
    ) -> None:
        self.entries = entries
        self.places = places
        self.prefix = prefix
        self.problems = problems
        self.pickles = pickles
        self.little_endian = little_endian
        self.broken = broken


def damage() -> tuple[type[Exception], ...]:
    """What zipfile raises for damaged, encrypted or lying archives (found by mutating archives)."""
    import lzma
    import zipfile

    return (
        *(zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError),
        *(OverflowError, KeyError, IndexError, struct.error, zlib.error, lzma.LZMAError, MemoryError),
    )


class Guarded:
    """A stream for zipfile that refuses to read a directory larger than any torch writes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if size > _DIRECTORY_LIMIT:
            raise ValueError("a directory of more than 16 MB")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True


def open_container(stream: BinaryIO) -> Container:
    """Read the directory and the pickles. Raises CannotRead."""
    try:
        length = stream.seek(0, 2)
        plain = plain_directory(stream, length, _DIRECTORY_LIMIT)
        if plain is not None:
            return _container(plain, stream, length)
        return _by_zipfile(stream, length)
    except damage() as error:
        raise CannotRead("is a damaged or cut-off zip container") from error


def _by_zipfile(stream: BinaryIO, length: int) -> Container:
    import zipfile

    with zipfile.ZipFile(Guarded(stream)) as archive:
        found = [
            Entry(
                *(info.filename, info.header_offset, info.file_size, info.compress_size),
                *(info.compress_type, info.flag_bits, info.CRC),
            )
            for info in archive.infolist()
        ]
        infos = dict(zip(map(id, found), archive.infolist(), strict=True))
        return _container(found, stream, length, lambda entry: archive.open(infos[id(entry)]))


def first_bytes(stream: BinaryIO, place: int, start: int, size: int) -> bytes:
    """``size`` bytes from ``start`` of an uncompressed entry whose local header is at ``place``.

    Raises CannotRead when there is no local header or the file ends earlier.
    """
    try:
        stream.seek(place)
        header = stream.read(LOCAL_HEADER)
        if len(header) != LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise CannotRead("is a zip whose directory points where no entry is")
        name, extra = struct.unpack("<HH", header[26:30])
        stream.seek(place + LOCAL_HEADER + name + extra + start)
        data = stream.read(size)
    except (OSError, ValueError, OverflowError) as error:
        raise CannotRead("is a zip whose directory points where no entry is") from error
    except MemoryError as error:
        raise CannotRead(f"has an entry of {size:,} bytes, which do not fit into memory") from error
    if len(data) != size:
        raise CannotRead("is a zip that ends inside an entry")
    return data


def content_of(file: Opened, place: int) -> int:
    """The offset of an uncompressed entry's content whose local header is at ``place``. Raises CannotRead."""
    header = bytearray(LOCAL_HEADER)
    if not file.fill(memoryview(header), place) or header[:4] != b"PK\x03\x04":
        raise CannotRead("is a zip whose directory points where no entry is")
    name, extra = struct.unpack("<HH", header[26:30])
    return place + LOCAL_HEADER + int(name) + int(extra)


def _container(
    members: Sequence[Entry], stream: BinaryIO, length: int, unpack: Unpack | None = None
) -> Container:
    if len(members) > ENTRY_LIMIT:
        raise CannotRead(f"is a zip of {len(members):,} entries")
    if not members:
        raise CannotRead("is a zip without entries")
    names, odd = _pickle_names(members)
    pickles: list[bytes] = []
    broken: str | None = None
    for info in names[:_PICKLES]:
        data, why = _pickle(unpack, stream, info, PICKLE_LIMIT - sum(map(len, pickles)))
        pickles.append(data)
        broken = broken or why
    prefix = names[0].filename[: -len("data.pkl")]
    wanted = f"{prefix}byteorder".lower()
    order = next((i for i in members if i.filename.lower() == wanted), None)
    little = order is None or _word(unpack, stream, order)[:3] != b"big"
    return Container(
        entries={info.filename: info.file_size for info in members},
        places={info.filename: info.header_offset for info in members if _stored(info)},
        prefix=prefix,
        problems=tuple(dict.fromkeys([*odd, *_problems(members, length)])),
        pickles=tuple(pickles),
        little_endian=little,
        broken=broken,
    )


def _word(unpack: Unpack | None, stream: BinaryIO, info: Entry) -> bytes:
    """The first bytes of a short entry, which torch reads compressed too. Raises CannotRead."""
    if _stored(info):
        return first_bytes(stream, info.header_offset, 0, min(info.file_size, 16))
    return _pickle(unpack, stream, info, PICKLE_LIMIT)[0]


def _stored(info: Entry) -> bool:
    return info.compress_type == STORED and not info.flag_bits & 0x1


def _pickle_names(members: Sequence[Entry]) -> tuple[Sequence[Entry], list[str]]:
    """All pickles, the one torch loads first, and what is odd about them. CannotRead when there is none."""
    found = [info for info in members if info.filename.lower().endswith(".pkl")]
    wanted = members[0].filename.partition("/")[0].lower() + "/data.pkl"
    found.sort(
        key=lambda info: (info.filename.lower() != wanted, not info.filename.lower().endswith("/data.pkl"))
    )
    if not found or found[0].filename.lower().rpartition("/")[2] != "data.pkl":
        raise CannotRead("is a zip without the data.pkl that torch writes")
    odd: list[str] = []
    if found[0].filename.lower() != wanted:
        odd.append(
            f"data.pkl is {found[0].filename!r} and not in the folder of the first entry, where torch looks"
        )
    if len(found) > 1:
        shown = ", ".join(sorted(info.filename for info in found)[:5])
        odd.append(f"holds {len(found)} pickles where torch writes one: {shown}")
    return found, odd


def _pickle(unpack: Unpack | None, stream: BinaryIO, info: Entry, limit: int) -> tuple[bytes, str | None]:
    """A pickle's bytes, and why they are not what was written (a wrong checksum). Raises CannotRead."""
    if info.flag_bits & 0x1:
        raise CannotRead(f"is a zip whose {info.filename!r} is encrypted")
    if info.file_size > limit:
        raise CannotRead(f"holds pickles of more than {PICKLE_LIMIT:,} bytes")
    if info.compress_type == STORED or unpack is None:
        data = first_bytes(stream, info.header_offset, 0, info.file_size)
        wrong = zlib.crc32(data) != info.CRC
        return data, f"is a zip whose {info.filename!r} does not have its checksum" if wrong else None
    with unpack(info) as entry:
        data = b"".join(_pieces(entry, limit))
    return data, None


def _pieces(entry: IO[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    while piece := entry.read(_CHUNK):
        total += len(piece)
        if total > limit:
            raise CannotRead(f"holds pickles of more than {PICKLE_LIMIT:,} bytes")
        yield piece


def _problems(members: Sequence[Entry], length: int) -> Iterator[str]:
    """What torch's own writer never does: it stores entries uncompressed, once, apart, below one folder."""
    seen: set[str] = set()
    for info in members:
        name = info.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            yield f"entry {name!r} points outside the archive"
        if name.lower() in seen:
            yield f"entry {name!r} occurs twice"
        seen.add(name.lower())
        yield from _oddities(info, length)
    if len({name.partition("/")[0] for name in seen}) > 1:
        yield "entries lie in more than one folder, which torch never does"
    yield from _overlaps(members)


def _oddities(info: Entry, length: int) -> Iterator[str]:
    if info.flag_bits & 0x1:
        yield f"entry {info.filename!r} is encrypted"
    elif info.compress_type != STORED:
        yield "entries are compressed, which torch never does"
    elif info.compress_size != info.file_size:
        yield f"entry {info.filename!r} gives two sizes, {info.file_size:,} and {info.compress_size:,} bytes"
    if info.header_offset + LOCAL_HEADER + info.compress_size > length:
        yield f"entry {info.filename!r} claims {info.compress_size:,} bytes, more than the file has"


def _overlaps(members: Sequence[Entry]) -> Iterator[str]:
    ordered = sorted(members, key=lambda info: info.header_offset)
    for one, two in itertools.pairwise(ordered):
        if one.header_offset + LOCAL_HEADER + one.compress_size > two.header_offset:
            yield f"entries {one.filename!r} and {two.filename!r} overlap"
            return
