"""Tensors that passed by and are wanted once more, in temporary files without a name (TMPDIR tells where)."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Protocol, Self, cast

from auditor.artifacts._opened import Opened
from auditor.artifacts._tensor_bytes import Region

_ROOM = 2
"""So many times the bytes that are kept must be free on the disk."""

Key = tuple[int, str]
"""Number of the file, and the tensor's name."""


class Source(Protocol):
    """Where the bytes of a tensor come from, as of `Opened`."""

    def fill(self, buffer: memoryview, start: int) -> bool:
        """Fill a buffer of bytes from an offset; False when the file ends before. Raises CannotRead."""

    def verify(self) -> None:
        """Raise CannotRead when the file was changed meanwhile."""


class Scratch:
    """What runs of reading leave for each other; ``runs`` are the tensors that each of them reads.

    Where there is no room, or no place for temporary files, nothing is kept.
    """

    def __init__(self, runs: Iterable[Collection[Key]]) -> None:
        self._later = Counter(key for keys in runs for key in keys)
        self._copies: dict[Key, _Copied] = {}
        self._whole: dict[Key, tuple[Opened, Region]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._later.clear()
        self.begin(())

    def begin(self, keys: Collection[Key]) -> None:
        """The next run, which reads these tensors; what none wants any more is let go."""
        for copied in self._copies.values():
            copied.copy.close()
        self._copies.clear()
        for key in [key for key in self._whole if not self._later[key]]:
            self._whole.pop(key)[0].close()
        self._later.subtract(keys)

    def held(self, key: Key) -> tuple[Opened, Region] | None:
        """The bytes of a tensor that was kept, and where they lie."""
        return self._whole.get(key)

    def noted(self, key: Key, file: Opened, region: Region) -> Source:
        """The bytes of a file; what is read of the region is kept if a later run wants it and there is room."""
        if self._later[key] <= 0:
            return file
        kept = [
            region,
            *(item.region for item in self._copies.values()),
            *(own for _, own in self._whole.values()),
        ]
        size = sum(item.elements * item.bits // 8 for item in kept)
        try:
            if shutil.disk_usage(tempfile.gettempdir()).free < _ROOM * size:
                return file
            copy = cast("BinaryIO", tempfile.TemporaryFile(prefix="audit-", buffering=0))  # noqa: SIM115 - `begin` closes it
        except OSError:
            return file
        self._copies[key] = _Copied(file, region, copy)
        return self._copies[key]

    def passed(self, key: Key) -> None:
        """All bytes of a tensor were read."""
        copied = self._copies.get(key)
        if copied is not None and copied.is_whole:
            del self._copies[key]
            self._whole[key] = Opened(lambda: copied.copy), replace(copied.region, begin=0)


class _Copied:
    """A `Source` that writes down what is read of a region."""

    def __init__(self, file: Opened, region: Region, copy: BinaryIO) -> None:
        self._file, self.region, self.copy = file, region, copy
        self.is_whole = True

    def fill(self, buffer: memoryview, start: int) -> bool:
        """As in `Source`."""
        found = self._file.fill(buffer, start)
        if found and self.is_whole:
            try:
                self.copy.seek(start - self.region.begin)
                self.is_whole = self.copy.write(buffer) == len(buffer)
            except OSError:
                self.is_whole = False
        return found

    def verify(self) -> None:
        """As in `Source`."""
        self._file.verify()
