import io
import pickle

import pytest

from auditor.artifacts import _pickle_decode
from auditor.model import Blob, Snapshot
from tests.builders.pickles import make_torch
from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, NOTE, WARNING, finding, found, reasons
from tests.checks.safety.test_content_not_of_its_type import Calls

RULE = "pickle-under-another-name"
PLAIN = {"words": ["a", "b"], "count": 3}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"0.1 0.2 0.3",
        b"",
        b"cat\ndog\nrabbit\n",
        b"PK\x03\x04" + b"\x00" * 60,
        b"\x80\x04 not a pickle",
        b"\x0a\x0e\x0a\x05<unk>\x15",
    ],
)
def test_passes_what_only_begins_like_one(data: bytes) -> None:
    assert found(RULE, healthy(data={"weights.dat": data, "noend": data})) == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("path", ["weights.dat", "data/weights", "model.sav", "arrays.npy", "vocab.model"])
def test_fails_for_a_call_under_any_name_and_protocol(path: str, protocol: int) -> None:
    (item,) = found(RULE, healthy(data={path: pickle.dumps(Calls(), protocol=protocol)}))
    assert (item.severity, item.at.path) == (ERROR, path)
    assert item.message == "the file is a pickle, which its name does not say; opening it calls posix.system"
    assert item.observed == "1 call that no training file makes"


def test_fails_as_a_note_for_data_without_a_call() -> None:
    data = pickle.dumps(PLAIN, protocol=4)
    assert found(RULE, healthy(data={"weights.dat": data})) == [
        finding(
            RULE,
            NOTE,
            "the file is a pickle, which its name does not say",
            "weights.dat",
            expected="a name that says so (.pkl, .pt, .bin), or a format without code",
        )
    ]
    (archive,) = found(RULE, healthy(data={"weights.dat": make_torch({"a": 1})}))
    assert archive.severity is NOTE


def test_fails_as_a_warning_for_a_class_nobody_knows() -> None:
    data = b"\x80\x02cmylib.tree\nTree\n)R."
    (item,) = found(RULE, healthy(data={"forest.sav": data}))
    assert item.severity is WARNING
    (item,) = found(RULE, healthy(data={"forest.sav": b"\x80\x02cmylib.tree\nTree\n."}))
    assert item.severity is WARNING
    assert item.message.endswith("opening it imports mylib.tree.Tree")


def test_fails_for_a_call_before_damage() -> None:
    """pickle.load has carried it out, at R, when it comes to the damage: 4 + 7 + 1 + 8 + 1 bytes stand before."""
    (item,) = found(RULE, healthy(data={"weights.dat": b"cos\nsystem\n(S'true'\ntR\xff"}))
    assert (item.severity, item.evidence) == (ERROR, ("byte 21: os.system with ('true')",))


@pytest.mark.parametrize("mark", [b"\x80\x02", b""])
def test_fails_for_a_call_behind_more_than_is_read(mark: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python reads on, however many operations stand before the call."""
    monkeypatch.setattr(_pickle_decode, "OPCODE_LIMIT", 1000)
    data = mark + b"N0" * 600 + b"cos\nsystem\n(S'true'\ntR."
    assert found(RULE, healthy(data={"weights.dat": data})) == [
        finding(
            RULE,
            WARNING,
            "the file is a pickle, which its name does not say, and holds a pickle of more than 1,000 opcodes: "
            "what it does at its end was not seen",
            "weights.dat",
            expected="a name that says so (.pkl, .pt, .bin), or a format without code",
        )
    ]
    assert found("content-not-of-its-type", healthy(data={"notes.txt": b"N" * 2000})) == []


def test_texts_are_not_read_beyond_their_first_bytes() -> None:
    class Counting(io.BytesIO):
        read_bytes = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            Counting.read_bytes += len(data)
            return data

    text = b"Now is the time for all good men to come to the aid of the party.\n" * 20_000
    snapshot = Snapshot("x", {"notes": Blob("notes", len(text), lambda: Counting(text))})
    assert found(RULE, snapshot) == []
    assert 0 < Counting.read_bytes <= 1024


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, Snapshot("empty", {})) == ["every file is of a kind that is known by its name"]
    large = Blob("weights.dat", 256 * 2**20 + 1, lambda: pytest.fail("git would hand all of it out"))
    assert reasons(RULE, Snapshot("x", {"weights.dat": large})) == [
        "weights.dat was not looked into: it is larger than 256 MiB"
    ]
    opened = Blob("weights.dat", 256 * 2**20, lambda: io.BytesIO(pickle.dumps(PLAIN, protocol=4)))
    assert len(found(RULE, Snapshot("x", {"weights.dat": opened}))) == 1
    absent = Blob("weights.dat", 1000, io.BytesIO, absent="its content is not here")
    assert reasons(RULE, Snapshot("x", {"weights.dat": absent})) == ["weights.dat was not read: unfetched"]
