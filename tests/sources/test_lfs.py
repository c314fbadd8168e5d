"""Pointers: what is one, and what only looks like one."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import CannotRead
from auditor.sources.lfs import ObjectStore, parse_pointer

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


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("9f/86/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="git-lfs"),
        pytest.param(
            "9f/86/d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="Gitea, Forgejo"
        ),
        pytest.param("9/f/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="Gogs"),
        pytest.param("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="flat"),
    ],
)
def test_an_object_is_found_as_servers_lay_it_out(tmp_path: Path, place: str) -> None:
    pointer = parse_pointer(text(oid=hashlib.sha256(b"test").hexdigest(), size="4"))
    assert pointer is not None
    with pytest.raises(CannotRead, match="not fetched"):
        ObjectStore(tmp_path).open(pointer)
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_bytes(b"test")
    with ObjectStore(tmp_path).open(pointer) as stream:
        assert stream.read() == b"test"
    (tmp_path / place).write_bytes(b"tesT")
    with pytest.raises(CannotRead, match="hashes to"):
        ObjectStore(tmp_path).open(pointer)
