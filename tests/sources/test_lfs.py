"""Pointers: what is one, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.sources.lfs import parse_pointer

OID = "ab" * 32


def text(oid: str = OID, size: str = "123", version: str = "https://git-lfs.github.com/spec/v1") -> bytes:
    return f"version {version}\noid sha256:{oid}\nsize {size}\n".encode()


def test_a_pointer_is_parsed() -> None:
    found = parse_pointer(text())
    assert found is not None
    assert (found.oid.hex, found.size) == (OID, 123)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        text(oid="ab"),
        text(oid="XY" * 32),
        text(size="-1"),
        text(size="9" * 30),
        text(version="https://hawser.github.com/spec/v1"),
        text() + b"x" * 1100,
        text()[:60],
    ],
)
def test_what_is_no_pointer_is_content(data: bytes) -> None:
    assert parse_pointer(data) is None


@given(st.binary(max_size=2000))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    parse_pointer(data)
    parse_pointer(b"version https://git-lfs.github.com/spec/v1\n" + data)
