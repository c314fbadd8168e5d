"""A snapshot that counts which bytes of its files are read, and how often they are opened."""

import io
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

from auditor.model import Blob, Snapshot

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Counted:
    """``snapshot`` with every read counted: ``bytes`` and ``opened`` by path, ``open_at_once`` at most.

    ``named`` is whether its files keep their digests.
    """

    def __init__(self, snapshot: Snapshot, named: bool = True) -> None:
        self.bytes: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.open = self.open_at_once = 0
        self.sizes = {path: len(blob.read()) for path, blob in snapshot.files.items()}
        hidden = {} if named else {"object_id": None, "lfs": None}
        files = {
            path: blob.replaced(content=partial(self._stream, blob), **hidden)
            for path, blob in snapshot.files.items()
        }
        self.snapshot = replace(snapshot, files=files)

    def factor(self, *endings: str) -> float:
        """Bytes read of the files with these endings, over the sum of their sizes."""
        paths = [path for path in self.sizes if path.endswith(endings)]
        return sum(self.bytes[path] for path in paths) / sum(self.sizes[path] for path in paths)

    def _stream(self, blob: Blob) -> BinaryIO:
        self.opened[blob.path] += 1
        self.open += 1
        self.open_at_once = max(self.open_at_once, self.open)
        return cast(BinaryIO, _Stream(self, blob.path, blob.content()))


class _Stream(io.RawIOBase):
    def __init__(self, counted: Counted, path: str, stream: BinaryIO) -> None:
        self._counted, self._path, self._stream = counted, path, stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        data = self._stream.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(data)] = data
        self._counted.bytes[self._path] += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._counted.open -= 1
            self._stream.close()
        super().close()
