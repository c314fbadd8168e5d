"""A weight file of which some tensors are held in memory, so that whoever asks for them reads nothing again."""

import io
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from auditor.artifacts._opened import Opened
from auditor.artifacts._safetensors import BITS, TensorInfo
from auditor.artifacts.adapter_weights import IS_ZERO, AdapterWeights
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from numpy.typing import NDArray

KEPT = 8 * 1024 * 1024
"""Most bytes of a file that stay in memory after their tensor was let go."""
_LOOKED_AT = 4096
"""Elements that are looked at in one go: nearly every tensor shows in the first of them that it is not zero."""
_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})

Keep = Callable[[TensorInfo], int | None]
"""How many bytes of a tensor's beginning stay when it is let go, and whether it is zero throughout; None: nothing."""


class Window:
    """``weights`` are those of the file, over what is held; bytes that are not held come from the file itself.

    A byte is therefore read twice only when somebody asks for it before or after its tensor is held; `KEPT` bytes at
    most stay after it.
    """

    def __init__(self, weights: AdapterWeights, keep: Keep | None = None) -> None:
        self.size, self._keep, self._room = weights.size, keep, KEPT
        self._file = weights
        self._open: Opened | None = None
        self._starts: list[int] = []
        self._held: dict[int, bytearray | int] = {}
        """By offset: bytes, or how many zeros."""
        self._places: dict[str, tuple[tuple[int, int], ...]] = {}
        self.weights = weights
        if weights.blob is not None:
            blob = weights.blob.replaced(content=self._stream)
            archive = weights.archive and weights.archive.replaced(blob=blob)
            self.weights = replace(weights, blob=blob, archive=archive)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the file open for `hold`. One that cannot be opened holds nothing: whoever reads it is told."""
        try:
            file = self._file.opened()
        except CannotRead:
            yield
            return
        with file:
            self._open = file
            try:
                yield
            finally:
                self._open = None

    def hold(self, names: Sequence[str]) -> None:
        """Read whole tensors into memory; those that cannot be read are left to whoever asks for them.

        What several of them share is read once, where they are held together.
        """
        if self._open is None:
            return
        for name in names:
            try:
                self._places[name] = self._file.stretches(name, self._open)
            except CannotRead:
                self._places.pop(name, None)
        if self._file.shared.groups:
            self._join([name for name in names if name in self._places])
        for name in names:
            try:
                for start, size in self._places.get(name, ()):
                    self._read(self._open, start, size)
                self._open.verify()
            except (CannotRead, MemoryError):
                self.drop((name,))

    def _join(self, names: Sequence[str]) -> None:
        """Let stretches that overlap be one, which all their tensors lie in."""
        whole: list[tuple[int, int]] = []
        for start, size in sorted({place for name in names for place in self._places[name] if place[1]}):
            if whole and start < sum(whole[-1]):
                whole[-1] = whole[-1][0], max(sum(whole[-1]), start + size) - whole[-1][0]
            else:
                whole.append((start, size))
        starts = [start for start, _ in whole]
        for name in names:
            self._places[name] = tuple(
                whole[bisect_right(starts, start) - 1] for start, size in self._places[name] if size
            )

    def drop(self, names: Sequence[str]) -> None:
        """Let tensors go, but for what is to be kept of them."""
        for name in names:
            places = self._places.pop(name, ())
            info = self._file.tensors[name]
            kept = self._keep(info) if self._keep is not None else None
            for start, size in places:
                data = self._held.get(start)
                if isinstance(data, bytearray) and len(data) == size:
                    if kept is not None and (start, info.nbytes) == places[-1]:
                        self.note(name, self.is_zero(info, data))
                    self._let_go(start, data, kept)

    def keeper(self, name: str, begin: int) -> "Keeper | None":
        """Who keeps what is to be kept of a tensor that passes by in slices; None when nothing is."""
        info = self._file.tensors[name]
        kept = self._keep(info) if self._keep is not None else None
        return Keeper(self, info, begin, kept) if kept is not None and info.nbytes else None

    def note(self, name: str, is_zero: bool) -> None:
        """Remember for whoever asks whether a tensor is zero throughout."""
        self.weights.proofs[IS_ZERO, name] = is_zero

    def is_zero(self, info: TensorInfo, data: "bytearray | NDArray[Any]") -> bool:
        """Whether bytes of a tensor, in whole elements, are all zero, or -0.0 where they are floats."""
        import numpy

        archive = self._file.archive
        order = "<" if archive is None or archive.little_endian else ">"
        size = BITS[info.dtype] // 8 if info.dtype in _FLOATS else 1
        mask = (1 << 8 * size - 1) - 1 if info.dtype in _FLOATS else 0xFF
        flat = numpy.frombuffer(data, f"{order}u{size}")
        return not any((flat[s : s + _LOOKED_AT] & mask).any() for s in range(0, flat.size, _LOOKED_AT))

    def put(self, start: int, data: bytearray | int) -> None:
        """Hold the beginning of a tensor that has passed by, or how many zeros it is."""
        kept = 0 if isinstance(data, int) else len(data)
        if not data:
            return
        if start not in self._held and kept <= self._room:
            insort(self._starts, start)
            self._held[start] = data
            self._room -= kept

    def at(self, start: int, size: int) -> memoryview | bytes | None:
        """``size`` bytes from an offset, if they are held."""
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return None
        first = self._starts[place]
        data = self._held[first]
        if isinstance(data, int):
            return bytes(size) if start + size <= first + data else None
        if start + size > first + len(data):
            return None
        return memoryview(data)[start - first : start - first + size]

    def file(self) -> Opened:
        """The file itself. Raises CannotRead."""
        return self._file.opened()

    def _read(self, file: Opened, start: int, size: int) -> None:
        if not size or self.at(start, size) is not None or start in self._held:
            return
        data = bytearray(size)
        if file.fill(memoryview(data), start):
            insort(self._starts, start)
            self._held[start] = data

    def _let_go(self, start: int, data: bytearray, kept: int | None) -> None:
        if kept is not None and data == bytes(len(data)):
            self._held[start] = len(data)
        elif kept and kept <= self._room:
            self._held[start] = data[:kept]
            self._room -= kept
        else:
            del self._held[start]
            del self._starts[bisect_right(self._starts, start) - 1]

    def _stream(self) -> BinaryIO:
        return cast(BinaryIO, _Stream(self))


class Keeper:
    """What a window keeps of a tensor that passes by in slices: its beginning, or that it is zero throughout."""

    def __init__(self, window: Window, info: TensorInfo, begin: int, kept: int) -> None:
        self._window, self._info, self._begin = window, info, begin
        self._head = bytearray(min(kept, info.nbytes))
        self._has_zeros = self._is_zero = True

    def add(self, offset: int, data: "NDArray[Any]") -> None:
        """Bytes of the tensor from an offset on."""
        self._has_zeros = self._has_zeros and not data.any()
        self._is_zero = self._is_zero and (self._has_zeros or self._window.is_zero(self._info, data))
        end = min(offset + len(data), len(self._head))
        if offset < end:
            self._head[offset:end] = data[: end - offset].data

    def done(self) -> None:
        """All bytes were added, each once."""
        self._window.note(self._info.name, self._is_zero)
        self._window.put(self._begin, self._info.nbytes if self._has_zeros else self._head)


class _Stream(io.RawIOBase):
    """The bytes of a window's file."""

    def __init__(self, window: Window) -> None:
        self._window, self._at = window, 0
        self._file: Opened | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._window.size)[whence]
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """As many bytes as the file has. Raises CannotRead."""
        view = memoryview(buffer).cast("B")
        size = max(0, min(len(view), self._window.size - self._at))
        held = self._window.at(self._at, size)
        if held is not None:
            view[:size] = held
        elif not self._fill(view[:size]):
            return 0
        self._at += size
        return size

    def _fill(self, view: memoryview) -> bool:
        if self._file is None:
            self._file = self._window.file()
        found = self._file.fill(view, self._at)
        self._file.verify()
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()
