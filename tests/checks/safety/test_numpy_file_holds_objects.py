import numpy
import pytest

from auditor.artifacts import _numpy_file
from auditor.artifacts._numpy_file import numpy_arrays
from auditor.errors import CannotRead
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.blobs import blob
from tests.builders.numpy_files import make_npy, make_npz
from tests.builders.repositories import healthy, run_rule
from tests.checks.expecting import ERROR, NOTE, WARNING, finding, found, reasons

RULE = "numpy-file-holds-objects"
PLAIN = numpy.array([{"a": 1}, None, "text"], dtype=object)


def one(data: bytes, path: str = "data/x.npy") -> Snapshot:
    return memory_snapshot("made", {path: data})


@pytest.mark.parametrize(
    "value",
    [
        numpy.arange(6.0),
        numpy.zeros((2, 0)),
        numpy.array(["One", "Ox"]),
        numpy.zeros(3, dtype=[("Of", "<f4"), ("b", "<i8", (2,))]),
    ],
)
def test_passes_numbers_and_texts(value: object) -> None:
    assert found(RULE, one(make_npy(value))) == []
    assert found(RULE, one(make_npz({"a.npy": make_npy(value)}), "x.npz")) == []


def test_fails_as_a_note_for_plain_objects() -> None:
    assert found(RULE, one(make_npy(PLAIN))) == [
        finding(
            RULE,
            NOTE,
            "1 of 1 arrays hold Python objects, which are loaded by unpickling",
            "data/x.npy",
            expected="arrays of numbers",
            observed="objects of NumPy and plain Python",
        )
    ]


def test_fails_for_a_call() -> None:
    assert found(RULE, one(make_npy(calling="os.system"))) == [
        finding(
            RULE,
            ERROR,
            "1 of 1 arrays hold Python objects, which are loaded by unpickling; loading calls os.system",
            "data/x.npy",
            expected="arrays of numbers",
            observed="os.system",
        )
    ]


def test_fails_for_one_array_of_an_archive_and_names_it() -> None:
    data = make_npz({"good.npy": make_npy(), "evil.npy": make_npy(calling="builtins.exec")})
    (only,) = found(RULE, one(data, "x.npz"))
    assert (only.severity, only.at.member) == (ERROR, "evil.npy")
    assert only.message.startswith("1 of 2 arrays hold Python objects")


def test_fails_as_a_warning_for_a_class_of_the_authors() -> None:
    """A name alone imports its module: here a class that no training library writes."""
    import pickle

    data = make_npy(PLAIN)
    start = data.index(pickle.PROTO)
    named = data[:start] + b"\x80\x02cmy_module\nMyClass\n."
    (only,) = found(RULE, one(named))
    assert (only.severity, only.observed) == (WARNING, "my_module.MyClass")


def test_a_field_of_objects_is_found() -> None:
    arrays = numpy_arrays(blob(make_npy(numpy.zeros(2, dtype=[("a", "<f4"), ("b", "O")])), "x.npy"))
    assert len(arrays.pickles) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff{}",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
        b"\x93NUMPY\x01\x00\x05\x00open(",
        b"\x93NUMPY\x01\x00\x04\x00[1,]",
        b"\x93NUMPY\x01\x00\xe8\x03" + b"(" * 1000,
        b"no numpy",
    ],
)
def test_hostile_headers_cannot_be_read(data: bytes) -> None:
    for name in ("x.npy", "x.npz"):
        with pytest.raises(CannotRead):
            numpy_arrays(blob(data, name))


def test_an_archive_of_too_many_arrays_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numpy_file, "_MEMBERS", 1)
    data = make_npz({"a.npy": make_npy(), "b.npy": make_npy()})
    with pytest.raises(CannotRead, match="2 arrays"):
        numpy_arrays(blob(data, "x.npz"))


def test_cannot_look_without_a_file_or_at_a_damaged_one() -> None:
    assert reasons(RULE, healthy()) == ["no NumPy file is in the repository"]
    says = "is no NumPy array: it does not begin with the format's magic bytes"
    assert reasons(RULE, one(b"text")) == [f"data/x.npy {says}"]


def test_fails_and_cannot_look_behind_the_bytes_that_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numpy_file, "PICKLE_LIMIT", 400)
    plain, evil = make_npy(numpy.array(["x" * 500], dtype=object)), make_npy(calling="os.system")
    snapshot = one(make_npz({"a.npy": plain, "b.npy": evil}), "x.npz")
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            WARNING,
            "2 of 2 arrays hold Python objects, which are loaded by unpickling",
            "x.npz",
            "a.npy",
            expected="arrays of numbers",
            observed="objects that could not be read to their end",
        )
    ]
    (skipped,) = run_rule(RULE, snapshot).not_applicable
    assert skipped.reason.startswith("x.npz was not read to its end: a.npy ends in the middle of a pickle")
