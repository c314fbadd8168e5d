"""Any pickled file: torch's zip container, a bare pickle, or torch's legacy stream; read as opcodes, never executed."""

from __future__ import annotations

import io
import math

from auditor.artifacts import _torch_legacy, _torch_zip
from auditor.artifacts._base import Artifact
from auditor.artifacts._pickle_decode import is_opcode
from auditor.artifacts._pickle_names import ITEMSIZE
from auditor.artifacts._pickle_opcodes import read
from auditor.artifacts._pickle_values import Instance, Opaque, TensorRef, UnsafeCall
from auditor.errors import CannotRead, StoppedReading
from auditor.model import Fact
from auditor.model.frozen import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO, ClassVar, Self

    import numpy

    from auditor.artifacts._opened import Opened
    from auditor.artifacts._pickle_reading import Reading
    from auditor.model import Blob

STORAGE_LIMIT = 16 * 1024 * 1024 * 1024
"""Largest tensor read, in bytes: a moment of a 262,144 x 5,376 embedding in float32 has 5.6 GB."""
_REPEATED = 2**24
"""Most elements of a tensor that repeats its storage (stride 0), which torch writes for expanded tensors."""
_EMPTY = 2**40
"""NumPy multiplies the other sizes of an empty array too and refuses what overflows."""
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""First object of torch's stream before 1.6 (torch/serialization.py, MAGIC_NUMBER)."""
_LEGACY_OBJECT = 3
"""Pickles before the object: magic number, protocol, system info; the list of storage keys follows it."""
_LEGACY_PICKLES = 5
_PREFIX = 16 * 1024 * 1024
"""Bytes of a file that is no zip read at first; the pickles of 140,000 tensors have some 14 MB."""
_TENSOR_CLASSES = frozenset({"torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter"})
_STREAM_LIMIT = 20
"""Pickles read that follow each other in one file; pickle.load reads one, a loop around it all of them."""


class PickleArchive(Artifact, hidden=("value", "places", "blob")):
    """One pickled file.

    ``container`` is zip, raw or legacy. ``globals`` are all names its pickles refer to, ``unknown_globals`` those
    no training library writes, ``unsafe`` the calls that loading would make and we did not. ``entries`` are the
    members of a zip with their sizes in bytes; ``zip_problems`` sentences about a container that is not torch's.
    ``value`` is an `Opaque` when a pickle is damaged after a call that is not safe.
    """

    patterns: ClassVar[tuple[str, ...]] = (
        *("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt"),
        *("*.joblib", "*.dill"),
    )
    unseen: ClassVar[str] = "the values differ; the names it refers to are equal"
    container: str
    value: object
    protocol: int
    globals: tuple[str, ...]
    unknown_globals: tuple[str, ...]
    unsafe: tuple[UnsafeCall, ...]
    entries: Mapping[str, int]
    zip_problems: tuple[str, ...]
    prefix: str
    little_endian: bool
    places: Mapping[str, int]
    blob: Blob
    __slots__ = (
        *("container", "value", "protocol", "globals", "unknown_globals", "unsafe", "entries"),
        *("zip_problems", "prefix", "little_endian", "places", "blob"),
    )

    def __init__(
        self,
        path: str,
        container: str,
        value: object,
        *,
        protocol: int,
        globals: tuple[str, ...],  # noqa: A002 - the field's name
        unknown_globals: tuple[str, ...],
        unsafe: tuple[UnsafeCall, ...],
        entries: Mapping[str, int],
        zip_problems: tuple[str, ...],
        prefix: str,
        little_endian: bool,
        places: Mapping[str, int],
        blob: Blob,
    ) -> None:
        put(self, "path", path)
        put(self, "container", container)
        put(self, "value", value)
        put(self, "protocol", protocol)
        put(self, "globals", globals)
        put(self, "unknown_globals", unknown_globals)
        put(self, "unsafe", unsafe)
        put(self, "entries", entries)
        put(self, "zip_problems", zip_problems)
        put(self, "prefix", prefix)
        put(self, "little_endian", little_endian)
        put(self, "places", places)
        put(self, "blob", blob)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the container and its pickle, no tensor. Raises CannotRead."""
        with blob.open() as stream:
            head = _read(stream, 4)
            if not head:
                raise CannotRead("is empty (0 bytes)")
            if head == b"PK\x03\x04":
                return cls._zip(blob, stream)
            if not is_opcode(head[0]):
                raise CannotRead("is neither a torch file nor a pickle")
            return cls._raw(blob, head + _read(stream, _PREFIX), stream)

    @classmethod
    def _zip(cls, blob: Blob, stream: BinaryIO) -> Self:
        found = _torch_zip.open_container(stream)
        readings = [read(data) for data in found.pickles]
        return cls._made(blob, "zip", readings, 0, found)

    @classmethod
    def _raw(cls, blob: Blob, data: bytes, stream: BinaryIO) -> Self:
        if data[257:262] == b"ustar":
            raise CannotRead("is a tar archive, the layout of torch before 0.1.10, which is not read")
        readings = _pickles(data)
        # The pickles of torch's old stream come first and its storages after them, which need not be read.
        if readings[-1].damage is not None or readings[0].value != _LEGACY_MAGIC:
            rest = _read(stream, _torch_zip.PICKLE_LIMIT - _PREFIX)
            readings = _pickles(data + rest) if rest else readings
        legacy = readings[0].value == _LEGACY_MAGIC
        if legacy and len(readings) > _LEGACY_OBJECT:
            return cls._made(blob, "legacy", readings, _LEGACY_OBJECT)._with_storages(readings, stream)
        return cls._made(blob, "raw", readings, len(readings) - 1 if legacy else 0)

    @classmethod
    def _made(
        cls,
        blob: Blob,
        container: str,
        readings: list[Reading],
        main: int,
        found: _torch_zip.Container | None = None,
    ) -> Self:
        unsafe = tuple(call for reading in readings for call in reading.unsafe)
        broken = found.broken if found else None
        ended = next((reading for reading in readings[: main + 1] if reading.damage), None)
        damage = ended.damage if ended else broken
        if damage and not unsafe:
            raise StoppedReading(damage) if ended and ended.is_stopped else CannotRead(damage)
        return cls(
            path=blob.path,
            container=container,
            value=readings[main].value if not damage else Opaque("a damaged pickle"),
            protocol=readings[main].protocol,
            globals=tuple(dict.fromkeys(name for reading in readings for name in reading.globals)),
            unknown_globals=tuple(dict.fromkeys(name for reading in readings for name in reading.unknown)),
            unsafe=unsafe,
            entries=found.entries if found else {},
            zip_problems=found.problems if found else (),
            prefix=found.prefix if found else "",
            little_endian=found.little_endian if found else True,
            places=found.places if found else {},
            blob=blob,
        )

    def _with_storages(self, readings: list[Reading], stream: BinaryIO) -> Self:
        """The archive of a legacy stream with the places of its storages, as far as they can be found."""
        if len(readings) < _LEGACY_PICKLES or readings[-1].damage or isinstance(self.value, Opaque):
            return self
        named = readings[_LEGACY_OBJECT].storages
        found = _torch_legacy.storages(stream, readings[-1].end, readings[-1].value, named)
        return self.replaced(
            entries={f"data/{key}": size for key, (_, size) in found.items()},
            places={f"data/{key}": place for key, (place, _) in found.items()},
        )

    def facts(self) -> Mapping[str, Fact]:
        """The names a pickle refers to; the values are compared by the reader of the file's own kind."""
        return {"globals": Fact(frozenset(self.globals)), "container": Fact(self.container)}

    def read_slices(self, wanted: Mapping[str, tuple[int, int]]) -> Mapping[str, bytes]:
        """(start, size) in bytes of many storages by key, the file opened once.

        Raises CannotRead: entry missing, shorter, or too large.
        """
        if self.container == "raw":
            raise CannotRead("is a bare pickle, which holds no storages of tensors")
        for key, (start, size) in wanted.items():
            self._check_storage(key, start + size)
        first = _torch_zip.first_bytes if self.container == "zip" else _torch_legacy.first_bytes
        with self.blob.open() as stream:
            # A buffer would fetch 8 KB for each of hundreds of step counts.
            few = all(size < io.DEFAULT_BUFFER_SIZE for _, size in wanted.values())
            source: Any = stream.raw if few and isinstance(stream, io.BufferedReader) else stream
            return {
                key: first(source, self.places[f"{self.prefix}data/{key}"], start, size)
                for key, (start, size) in wanted.items()
            }

    def _check_storage(self, key: str, end: int) -> None:
        """Raise CannotRead unless a storage has ``end`` bytes that can be read in place."""
        name = f"{self.prefix}data/{key}"
        if end > min(STORAGE_LIMIT, self.entries.get(name, -1)):
            raise CannotRead(f"has no {end:,} bytes for tensor storage {key}")
        if name not in self.places:
            raise CannotRead(f"holds tensor storage {key} compressed or encrypted, which torch never does")

    def place(self, ref: TensorRef, file: Opened) -> int:
        """The offset of a tensor's first element in the open file. Raises CannotRead as `tensor` does."""
        itemsize = _itemsize(ref)
        if not ref.numel:
            return 0
        if self.container == "raw":
            raise CannotRead("is a bare pickle, which holds no storages of tensors")
        self._check_storage(ref.storage_key, ref.reach * itemsize)
        place = self.places[f"{self.prefix}data/{ref.storage_key}"]
        start = place if self.container == "legacy" else _torch_zip.content_of(file, place)
        return start + ref.storage_offset * itemsize

    def directions(self, ref: TensorRef) -> tuple[tuple[int, int], ...]:
        """(offset, bytes) of what `place` reads to find a tensor: the local header of its entry in a zip."""
        place = self.places.get(f"{self.prefix}data/{ref.storage_key}")
        return () if place is None or self.container != "zip" else ((place, _torch_zip.LOCAL_HEADER),)

    def tensor(self, ref: TensorRef) -> numpy.ndarray[Any, Any]:
        """A tensor as a NumPy array (bfloat16 widened to float32). Raises CannotRead when it is not all there."""
        from auditor.artifacts._pickle_tensors import as_array

        itemsize = _itemsize(ref)
        start = ref.storage_offset * itemsize
        size = ref.reach * itemsize - start if ref.numel else 0
        data = self.read_slices({ref.storage_key: (start, size)})[ref.storage_key] if size else b""
        try:
            return as_array(data, ref, self.little_endian)
        except MemoryError as error:
            raise CannotRead("holds a tensor that does not fit into memory") from error


def _itemsize(ref: TensorRef) -> int:
    """Bytes an element of a tensor whose description is possible. Raises CannotRead for any other."""
    itemsize = ITEMSIZE.get(ref.dtype)
    if itemsize is None:
        raise CannotRead(f"holds a tensor of dtype {ref.dtype}, which is not read")
    if ref.reach > ref.storage_numel:
        raise CannotRead("holds a tensor that reaches beyond its storage")
    if ref.numel > max(ref.storage_numel, _REPEATED):
        raise CannotRead(f"holds a tensor of {ref.numel:,} elements on a storage of {ref.storage_numel:,}")
    if ref.numel == 0 and math.prod(n for n in ref.shape if n) > _EMPTY:
        raise CannotRead("holds an empty tensor of an impossible shape")
    return itemsize


def _pickles(data: bytes) -> list[Reading]:
    """The pickles that follow each other, up to the first that is damaged."""
    readings = [read(data)]
    most = _LEGACY_PICKLES if readings[0].value == _LEGACY_MAGIC else _STREAM_LIMIT
    while readings[-1].damage is None and len(readings) < most:
        readings.append(read(data, readings[-1].end))
    return readings


def tensors(archive: PickleArchive) -> Mapping[str, TensorRef]:
    """The tensors of a state dict by name; one level of ``state_dict``/``model`` nesting is looked through.

    Raises CannotRead when one is built in a way that is not read.
    """
    value = state_dict(archive)
    refuse_opaque(value)
    return {str(key)[:1000]: item for key, item in value.items() if isinstance(item, TensorRef)}


def state_dict(archive: PickleArchive) -> Mapping[object, object]:
    """The mapping that holds the tensors; empty when there is none."""
    value = archive.value
    if isinstance(value, dict) and not any(isinstance(item, TensorRef) for item in value.values()):
        value = next((value[k] for k in ("state_dict", "model") if isinstance(value.get(k), dict)), value)
    return value if isinstance(value, dict) else {}


def refuse_opaque(values: Mapping[object, object]) -> None:
    """Raise CannotRead when a value is the result of a call that was not made or not understood."""
    for key, item in values.items():
        if isinstance(item, Opaque):
            raise CannotRead(f"makes {str(key)[:200]!r} by {item.callable}, which is not read")
        if isinstance(item, Instance) and item.qualified_name in _TENSOR_CLASSES:
            raise CannotRead(f"makes {str(key)[:200]!r} as a bare {item.qualified_name}, which is not read")


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise CannotRead(f"cannot be read: {error.strerror or 'the device reports an error'}") from error
