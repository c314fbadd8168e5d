"""tokenizer.json: tens of megabytes of vocabulary, compared by digest and opened only where a rule asks."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.errors import CannotRead
from auditor.model import Blob, Digest, Fact

_CHUNK = 1024 * 1024
HEAD = 4 * 1024 * 1024
"""Bytes read for what stands before the vocabulary: 6,414 added tokens (Gemma 3) take 1.3 MB."""
_LONGEST = 4096
"""Longest quoted text that is searched for, in bytes."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What tokenizers (0.23, tokenizer/serialization.rs) writes before the vocabulary.

    ``added`` maps the ids of added tokens to their texts; ``truncation`` and ``padding`` are None when off.
    """

    added: Mapping[int, str] = field(default_factory=dict)
    truncation: Mapping[str, object] | None = None
    padding: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TokenizerJson(Artifact):
    """One tokenizer.json: ``size`` in bytes of the content, ``digest`` its sha256."""

    patterns: ClassVar[tuple[str, ...]] = ("tokenizer.json",)
    reads_absent: ClassVar[bool] = True
    path: str
    size: int | None
    digest: Digest
    blob: Blob | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Take size and digest from the LFS pointer when there is one, else read once. Raises CannotRead."""
        if blob.lfs is not None:
            return cls(blob.path, blob.size, blob.lfs, blob)
        total, digest = 0, hashlib.sha256()
        with blob.open() as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                digest.update(chunk)
        return cls(blob.path, total, Digest("sha256", digest.hexdigest()), blob)

    def facts(self) -> Mapping[str, Fact]:
        """Size and sha256."""
        return {"size": Fact(self.size), "sha256": Fact(self.digest.hex)}

    def document(self) -> Mapping[str, object]:
        """The whole file, parsed. Raises CannotRead."""
        return read_json_object(self._content())

    def opening(self) -> Opening:
        """Added tokens, truncation and padding; of a large file only the head is read. Raises CannotRead."""
        blob = self._content()
        if self.size is not None and self.size <= HEAD:
            return _opening(self.document())
        with blob.open() as stream:
            text = stream.read(HEAD).decode("utf-8", "replace")
        return _opening({key: _value_in(text, key) for key in ("added_tokens", "truncation", "padding")})

    def lacking(self, texts: Iterable[str]) -> frozenset[str]:
        """Those of the texts that stand nowhere in the file as a JSON string. Raises CannotRead."""
        missing = {text: _spellings(text) for text in texts if len(_bytes(text)) < _LONGEST // 8}
        with self._content().open() as stream:
            tail = b""
            while missing and (chunk := stream.read(_CHUNK)):
                window = tail + chunk
                missing = {
                    text: forms for text, forms in missing.items() if not any(f in window for f in forms)
                }
                tail = window[-_LONGEST:]
        return frozenset(missing)

    def _content(self) -> Blob:
        if self.blob is None or self.blob.absent is not None:
            raise CannotRead(
                self.blob.absent if self.blob and self.blob.absent else "is not here", "unfetched"
            )
        return self.blob


def _spellings(text: str) -> tuple[bytes, ...]:
    """The text as JSON may spell it: as it is, and with escapes for what is not ASCII."""
    return tuple({json.dumps(text).encode(), _bytes(json.dumps(text, ensure_ascii=False))})


def _bytes(text: str) -> bytes:
    """UTF-8; JSON can spell half of a surrogate pair, which UTF-8 refuses."""
    return text.encode("utf-8", "surrogatepass")


def _value_in(text: str, key: str) -> object:
    found = re.search(rf'"{key}"\s*:\s*', text)
    if found is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, found.end())[0]
    except (ValueError, RecursionError) as error:
        raise CannotRead(f"`{key}` does not end within the first {HEAD:,} bytes") from error


def _opening(raw: Mapping[str, object]) -> Opening:
    tokens = raw.get("added_tokens")
    added: dict[int, str] = {}
    for token in tokens if isinstance(tokens, list) else ():
        number, text = (token.get("id"), token.get("content")) if isinstance(token, dict) else (None, None)
        if isinstance(number, int) and not isinstance(number, bool) and isinstance(text, str):
            added[number] = text
    truncation, padding = raw.get("truncation"), raw.get("padding")
    return Opening(
        added,
        truncation if isinstance(truncation, dict) else None,
        padding if isinstance(padding, dict) else None,
    )
