"""tokenizer.json: tens of megabytes of vocabulary, compared by digest and never parsed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.model import Blob, Digest, Fact

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TokenizerJson(Artifact):
    """One tokenizer.json: ``size`` in bytes of the content, ``digest`` its sha256."""

    patterns: ClassVar[tuple[str, ...]] = ("tokenizer.json",)
    reads_absent: ClassVar[bool] = True
    size: int | None
    digest: Digest

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Take size and digest from the LFS pointer when there is one, else read once. Raises CannotRead."""
        if blob.lfs is not None:
            return cls(blob.path, blob.size, blob.lfs)
        total, digest = 0, hashlib.sha256()
        with blob.open() as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                digest.update(chunk)
        return cls(blob.path, total, Digest("sha256", digest.hexdigest()))

    def facts(self) -> Mapping[str, Fact]:
        """Size and sha256."""
        return {"size": Fact(self.size), "sha256": Fact(self.digest.hex)}
