"""Any pickled file: torch's zip container, a bare pickle, or torch's legacy stream; read as opcodes, never executed."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

from auditor.artifacts import _pickle_globals as known
from auditor.artifacts._base import Artifact
from auditor.artifacts._pickle_machine import Reading
from auditor.artifacts._pickle_opcodes import read
from auditor.artifacts._pickle_values import GlobalRef, Instance, TensorRef, UnsafeCall
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

if TYPE_CHECKING:
    import numpy

PICKLE_LIMIT = 256 * 1024 * 1024
"""Largest data.pkl read, in bytes; tensors lie in entries of their own and are not part of it."""
ENTRY_LIMIT = 200_000
STORAGE_LIMIT = 16 * 1024 * 1024 * 1024
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""First object of torch's stream before 1.6 (torch/serialization.py, MAGIC_NUMBER)."""


@dataclass(frozen=True, slots=True)
class PickleArchive(Artifact):
    """One pickled file.

    ``container`` is zip, raw or legacy. ``globals`` are all names the pickle refers to, ``unknown_globals`` those
    no training library writes, ``unsafe`` the calls that loading would make and we did not. ``entries`` are the
    members of a zip with their sizes in bytes; ``zip_problems`` sentences about a container that is not torch's.
    """

    patterns: ClassVar[tuple[str, ...]] = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
    container: str
    value: object
    protocol: int = 2
    globals: tuple[str, ...] = ()
    unknown_globals: tuple[str, ...] = ()
    unsafe: tuple[UnsafeCall, ...] = ()
    entries: Mapping[str, int] = field(default_factory=dict)
    zip_problems: tuple[str, ...] = ()
    prefix: str = ""
    little_endian: bool = True
    blob: Blob | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the container and its pickle, no tensor. Raises CannotRead."""
        with blob.open() as stream:
            head = stream.read(4)
            stream.seek(0)
            if head == b"PK\x03\x04":
                return cls._zip(blob, stream)
            if not head:
                raise CannotRead("is empty (0 bytes)")
            return cls._raw(blob, stream)

    @classmethod
    def _zip(cls, blob: Blob, stream: BinaryIO) -> Self:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                if len(members) > ENTRY_LIMIT:
                    raise CannotRead(f"is a zip of {len(members):,} entries")
                name = _pickle_name(members)
                data = _entry(archive, name)
                order = next((i for i in members if i.filename.endswith("/byteorder")), None)
                little = order is None or archive.read(order)[:3] != b"big"
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
            raise CannotRead("is a damaged or cut-off zip container") from error
        found = read(io.BytesIO(data))
        return cls._made(
            blob, "zip", found, entries=members, prefix=name.removesuffix("data.pkl"), little_endian=little
        )

    @classmethod
    def _raw(cls, blob: Blob, stream: BinaryIO) -> Self:
        data = stream.read(PICKLE_LIMIT + 1)
        if data[:1] not in (b"\x80", b"(", b"c", b"]", b"}", b"\x8c"):
            raise CannotRead("is neither a torch file nor a pickle")
        source = io.BytesIO(data)
        first = read(source)
        if first.value != _LEGACY_MAGIC:
            return cls._made(blob, "raw", first)
        whole = first
        for _ in range(3):  # magic number, protocol, system info, then the object itself
            source.seek(first.end)
            first = _after(source, first.end)
            whole = _joined(whole, first)
        return cls._made(blob, "legacy", whole)

    @classmethod
    def _made(
        cls,
        blob: Blob,
        container: str,
        found: Reading,
        entries: "list[zipfile.ZipInfo] | None" = None,
        prefix: str = "",
        little_endian: bool = True,
    ) -> Self:
        return cls(
            path=blob.path,
            container=container,
            value=found.value,
            protocol=found.protocol,
            globals=tuple(found.globals),
            unknown_globals=tuple(found.unknown),
            unsafe=tuple(found.unsafe),
            entries={info.filename: info.file_size for info in entries or ()},
            zip_problems=_problems(entries or []),
            prefix=prefix,
            little_endian=little_endian,
            blob=blob,
        )

    def facts(self) -> Mapping[str, Fact]:
        """The names a pickle refers to; the values are compared by the reader of the file's own kind."""
        return {"globals": Fact(frozenset(self.globals)), "container": Fact(self.container)}

    def read_storage(self, key: str, size: int) -> bytes:
        """The first ``size`` bytes of one storage. Raises CannotRead: entry missing, shorter, or too large."""
        return self.read_storages({key: size})[key]

    def read_storages(self, sizes: Mapping[str, int]) -> Mapping[str, bytes]:
        """The first bytes of many storages, the container opened once. Raises CannotRead."""
        if self.container != "zip" or self.blob is None:
            raise CannotRead("holds its tensors in torch's legacy layout, which is not read")
        for key, size in sizes.items():
            if size > STORAGE_LIMIT or self.entries.get(f"{self.prefix}data/{key}", -1) < size:
                raise CannotRead(f"has no {size:,} bytes for tensor storage {key}")
        try:
            with self.blob.open() as stream, zipfile.ZipFile(stream) as archive:
                found = {key: _first(archive, f"{self.prefix}data/{key}", size) for key, size in sizes.items()}
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, KeyError, EOFError) as error:
            raise CannotRead("has a damaged tensor storage") from error
        for key, size in sizes.items():
            if len(found[key]) != size:
                raise CannotRead(f"ends inside tensor storage {key}")
        return found

    def tensor(self, ref: TensorRef) -> "numpy.ndarray[Any, Any]":
        """A tensor as a NumPy array (bfloat16 widened to float32). Raises CannotRead when it is not all there."""
        from auditor.artifacts._pickle_tensors import as_array

        itemsize = known.ITEMSIZE.get(ref.dtype)
        if itemsize is None:
            raise CannotRead(f"holds a tensor of dtype {ref.dtype}, which is not read")
        last = ref.storage_offset + sum((n - 1) * s for n, s in zip(ref.shape, ref.stride, strict=False) if n)
        needed = 0 if ref.numel == 0 else last + 1
        if len(ref.shape) != len(ref.stride) or needed > ref.storage_numel:
            raise CannotRead("holds a tensor that reaches beyond its storage")
        data = self.read_storage(ref.storage_key, needed * itemsize) if needed else b""
        return as_array(data, ref, self.little_endian)


def tensors(archive: PickleArchive) -> Mapping[str, TensorRef]:
    """The tensors of a state dict by name; one level of ``state_dict``/``model`` nesting is looked through."""
    value = archive.value
    if isinstance(value, dict) and not any(isinstance(item, TensorRef) for item in value.values()):
        value = next((value[key] for key in ("state_dict", "model") if isinstance(value.get(key), dict)), value)
    if not isinstance(value, dict):
        return {}
    return {str(key): item for key, item in value.items() if isinstance(item, TensorRef)}


def plain(value: object, depth: int = 4) -> object:
    """A read value as JSON-like data: enums and names as text, instances as dicts of their attributes."""
    if isinstance(value, GlobalRef):
        return value.dotted
    if isinstance(value, Instance):
        return {str(k): plain(v, depth - 1) for k, v in value.state.items()} if depth else "..."
    if isinstance(value, dict):
        return {str(k): plain(v, depth - 1) for k, v in value.items()} if depth else "..."
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value[:1000]] if depth else "..."
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)[:500] if not isinstance(value, bytes) else f"<{len(value)} bytes>"


def _first(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    with archive.open(name) as entry:
        return entry.read(size)


def _after(source: BinaryIO, position: int) -> Reading:
    found = read(source)
    found.end += position
    return found


def _joined(one: Reading, two: Reading) -> Reading:
    return Reading(
        two.value,
        {**one.globals, **two.globals},
        {**one.unknown, **two.unknown},
        [*one.unsafe, *two.unsafe],
        two.protocol,
        two.end,
    )


def _pickle_name(members: "list[zipfile.ZipInfo]") -> str:
    names = [info.filename for info in members if info.filename.rpartition("/")[2] == "data.pkl"]
    if not names:
        raise CannotRead("is a zip without the data.pkl that torch writes")
    return names[0]


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as entry:
        data = entry.read(PICKLE_LIMIT + 1)
    if len(data) > PICKLE_LIMIT:
        raise CannotRead(f"holds a pickle of more than {PICKLE_LIMIT:,} bytes")
    return data


def _problems(members: "list[zipfile.ZipInfo]") -> tuple[str, ...]:
    """What torch's own writer never does: it stores entries uncompressed, once, below one folder."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    for info in members:
        name = info.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            found[f"entry {name!r} points outside the archive"] = None
        if name in seen:
            found[f"entry {name!r} occurs twice"] = None
        seen.add(name)
        if info.compress_type != zipfile.ZIP_STORED:
            found["entries are compressed, which torch never does"] = None
        if info.flag_bits & 0x1:
            found[f"entry {name!r} is encrypted"] = None
    pickles = [name for name in seen if name.endswith(".pkl")]
    if len(pickles) > 1:
        found[f"holds {len(pickles)} pickles where torch writes one: {', '.join(sorted(pickles)[:5])}"] = None
    return tuple(found)
