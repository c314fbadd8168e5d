"""The short ways of frequent operations against the long ones, and the plain directory of a zip against zipfile."""

import io
import pickle
import random
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts import _pickle_opcodes
from auditor.artifacts._pickle_direct import DIRECT
from auditor.artifacts._pickle_opcodes import carry_out, read
from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickle_reading import Reading
from auditor.artifacts._zip_directory import Entry, plain_directory
from tests.builders.pickles import make_optimizer
from tests.mutation.pickles import Mutator, seeds

LIMIT = 16 * 2**20


def shown(reading: Reading) -> dict[str, object]:
    """All of a reading, values spelled out."""
    fields = {name: getattr(reading, name) for name in Reading.__slots__ if name != "value"}
    return {**fields, "value": repr(plain(reading.value, 8))}


def long_way(data: bytes) -> Reading:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pickle_opcodes, "_BY_OPCODE", (carry_out,) * 256)
        return read(data)


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_read_the_same(seed: int) -> None:
    """Healthy, evil and damaged pickles: value, names, refused calls with their offsets, and the words of damage."""
    source = random.Random(seed)
    mutator, known = Mutator(source, "true"), seeds("true")
    for chosen in known:
        for data in (chosen.pickle, *(mutator.mutated(chosen.pickle) for _ in range(6))):
            for padding in (b"", bytes(64)):  # with bytes behind it no operation is near the end
                assert shown(read(data + padding)) == shown(long_way(data + padding))


ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=300)
)


@given(
    st.recursive(
        ATOMS, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    ),
    st.integers(0, 5),
)
@settings(deadline=None, max_examples=100)
def test_values_of_every_protocol_are_those_of_pickle(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert repr(read(data).value) == repr(value)
    assert repr(read(data + bytes(64)).value) == repr(value)


def test_every_short_way_is_of_an_opcode_with_a_long_one() -> None:
    from auditor.artifacts._pickle_decode import is_opcode

    assert all(is_opcode(byte) for byte in DIRECT)


# The directory of a zip

TORCH = make_optimizer([(2, 3), (4,)])


FIELDS = (*("filename", "header_offset", "file_size", "compress_size", "compress_type", "flag_bits", "CRC"),)


def fields(entry: Entry | zipfile.ZipInfo) -> tuple[object, ...]:
    return tuple(getattr(entry, name) for name in FIELDS)


def directories(data: bytes) -> tuple[list[tuple[object, ...]] | None, list[tuple[object, ...]]]:
    """What the plain reader gives and what zipfile gives; the latter [] when it raises."""
    found = plain_directory(io.BytesIO(data), len(data), LIMIT)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            theirs = list(map(fields, archive.infolist()))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        theirs = []
    return list(map(fields, found)) if found is not None else None, theirs


def test_a_zip_of_stored_entries_is_read_as_zipfile_reads_it() -> None:
    found, theirs = directories(TORCH)
    assert found == theirs
    assert len(theirs) > 8


@pytest.mark.rerun
def test_torchs_own_files_have_a_plain_directory() -> None:
    import torch

    stream = io.BytesIO()
    torch.save({"a": torch.ones(3), "b": torch.zeros(2, 2)}, stream)
    found, theirs = directories(stream.getvalue())
    assert found == theirs
    assert any(name == "archive/data.pkl" for name, *_ in theirs)


def written(entries: int, **more: object) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(entries):
            info = zipfile.ZipInfo(f"archive/data/{number}")
            for name, value in more.items():
                setattr(info, name, value)
            archive.writestr(info, b"x" * number)
    return target.getvalue()


ODD = {
    "compressed": written(2, compress_type=zipfile.ZIP_DEFLATED),
    "a comment of an entry": written(2, comment=b"c"),
    "an extra field": written(2, extra=struct.pack("<HHI", 0x9999, 4, 1)),
    "a name that is not ASCII": written(1, filename="archive/ä"),
    "a comment": written(1)[:-2] + struct.pack("<H", 3) + b"abc",
    "bytes before it": b"MZ" + written(3),
    "bytes behind it": written(3) + b"\0",
    "no entries short of the end": written(0)[:-1],
}


@pytest.mark.parametrize("kind", sorted(ODD))
def test_everything_odd_is_left_to_zipfile(kind: str) -> None:
    found, _ = directories(ODD[kind])
    assert found is None


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=3), st.booleans())
@settings(deadline=None, max_examples=300)
def test_whatever_is_plain_is_what_zipfile_says(edits: list[tuple[int, int]], cut: bool) -> None:
    """Bytes of the directory and of the end changed, from the end on backwards."""
    changed = bytearray(TORCH)
    for back, value in edits:
        changed[len(changed) - 1 - back] = value
    data = bytes(changed[: -edits[0][1] - 1]) if cut else bytes(changed)
    found, theirs = directories(data)
    assert found is None or found == theirs
