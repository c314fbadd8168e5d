import hashlib

import pytest

from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.errors import CannotRead
from auditor.model import Blob, Digest
from tests.builders.blobs import blob


def test_content_is_hashed_and_not_parsed() -> None:
    data = b"\x00 not JSON" * 200_000
    read = TokenizerJson.parse(blob(data))
    assert (read.size, read.digest.hex) == (len(data), hashlib.sha256(data).hexdigest())
    assert read.facts()["sha256"].value == read.digest.hex


def test_a_pointer_is_enough() -> None:
    def refuse() -> None:
        raise CannotRead("is not here", "unfetched")

    pointer = Blob("tokenizer.json", 33_384_570, refuse, lfs=Digest("sha256", "ab" * 32))  # type: ignore[arg-type]
    read = TokenizerJson.parse(pointer)
    assert (read.size, read.digest) == (33_384_570, Digest("sha256", "ab" * 32))
    assert TokenizerJson.reads_absent


def test_missing_bytes_without_a_pointer_cannot_be_read() -> None:
    def refuse() -> None:
        raise CannotRead("is not here", "unfetched")

    with pytest.raises(CannotRead):
        TokenizerJson.parse(Blob("tokenizer.json", None, refuse))  # type: ignore[arg-type]
