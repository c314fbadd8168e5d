import hashlib
import io
import json

import pytest

from auditor.artifacts.tokenizer_json import HEAD, TokenizerJson
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


def opened(data: bytes) -> TokenizerJson:
    return TokenizerJson.parse(blob(data))


def test_what_stands_before_the_vocabulary() -> None:
    tokens = [{"id": 3, "content": "<x>"}, {"id": "4", "content": "<y>"}, {"id": True, "content": "z"}, 7]
    text: dict[str, object] = {
        "truncation": {"max_length": 8},
        "padding": None,
        "added_tokens": tokens,
        "model": {"vocab": {}},
    }
    opening = opened(json.dumps(text).encode()).opening()
    assert opening.added == {3: "<x>"}
    assert (opening.truncation, opening.padding) == ({"max_length": 8}, None)


def test_of_a_large_file_only_the_head_is_read() -> None:
    head = b'{"added_tokens": [{"id": 3, "content": "<x>"}], "model": "'
    large = head + b"x" * HEAD + b'"}'
    assert opened(large).opening().added == {3: "<x>"}
    with pytest.raises(CannotRead, match="does not end within the first"):
        opened(b'{"added_tokens": ["' + b"x" * HEAD + b'"]}').opening()
    deep = b'{"added_tokens": ' + b"[" * HEAD + b"}"
    with pytest.raises(CannotRead):
        opened(deep).opening()


def test_a_small_file_that_is_no_json_cannot_be_opened() -> None:
    with pytest.raises(CannotRead):
        opened(b"\x00 not JSON").opening()
    with pytest.raises(CannotRead):
        opened(b"[1]").document()


def test_half_of_a_surrogate_pair_is_a_text_like_any_other() -> None:
    assert opened(b'{"a": "\\ud800"}').lacking(["\ud800", "\udfff"]) == {"\udfff"}


def test_texts_are_found_in_both_spellings_and_across_chunks() -> None:
    chunk = 1024 * 1024
    data = b" " * (chunk - 3) + b'"<end>" "\\u2581a" ' + '"▁b"'.encode()
    assert opened(data).lacking(["<end>", "▁a", "▁b", "<en", "c"]) == {"<en", "c"}


def test_a_pointer_without_content_says_so() -> None:
    pointer = Blob(
        "tokenizer.json", 9, lambda: io.BytesIO(), lfs=Digest("sha256", "ab" * 32), absent="is not here"
    )
    read = TokenizerJson.parse(pointer)
    for ask in (read.opening, read.document, lambda: read.lacking(["a"])):
        with pytest.raises(CannotRead, match="is not here"):
            ask()
