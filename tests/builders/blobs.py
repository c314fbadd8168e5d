"""Blobs in memory, for tests of readers."""

import io
import json

from auditor.model import Blob, Digest


def blob(data: bytes | str, path: str = "folder/file", lfs: Digest | None = None) -> Blob:
    """A file whose content is here."""
    content = data.encode() if isinstance(data, str) else data
    return Blob(path=path, size=len(content), content=lambda: io.BytesIO(content), lfs=lfs)


def json_blob(value: object, path: str = "folder/file.json") -> Blob:
    """A file holding a value as JSON."""
    return blob(json.dumps(value), path)
