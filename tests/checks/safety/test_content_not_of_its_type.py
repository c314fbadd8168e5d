import os
import pickle

import pytest

from auditor.model import Snapshot
from tests.builders.pickles import make_torch
from tests.builders.repositories import contents, healthy
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "content-not-of-its-type"
ADAPTER = "adapter_model.safetensors"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_header_whose_length_begins_like_a_pickle() -> None:
    # 0x0280 bytes of header: the file begins with 80 02, as a pickle of protocol 2 does.
    header = b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'.ljust(0x280)
    assert found(RULE, healthy(data={"x/model.safetensors": (0x280).to_bytes(8, "little") + header})) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (make_torch({}), "a zip archive, as torch.save writes"),
        (pickle.dumps({"a": 1}, protocol=2), "a pickle"),
        (pickle.dumps({"a": 1}, protocol=4), "a pickle"),
        (b"\x7fELF\x02\x01\x01\x00", "a program or library of Linux"),
    ],
)
def test_fails_for_a_pickle_under_the_name_of_tensors(data: bytes, says: str) -> None:
    assert found(RULE, healthy(data={ADAPTER: data})) == [
        finding(
            RULE,
            ERROR,
            f"the file is {says}",
            ADAPTER,
            expected="what a name ending in .safetensors promises",
            observed=says,
        )
    ]


def test_fails_as_a_warning_for_a_list_of_the_project_s_own() -> None:
    """Seen in a public repository: a word list that a course pickled into a .txt file."""
    data = pickle.dumps(["a", "b"], protocol=3)
    (item,) = found(RULE, healthy(data={"data/words.txt": data}))
    assert item.severity is WARNING
    (other,) = found(RULE, healthy(data={"data/words.json": data}))
    assert other.severity is ERROR


class Calls:
    """Pickled, it calls os.system when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize("protocol", [0, 1])
def test_fails_for_a_pickle_that_is_text_and_calls_something(protocol: int) -> None:
    data = pickle.dumps(Calls(), protocol=protocol)
    (item,) = found(RULE, healthy(data={"x.json": data}))
    assert (item.message, item.severity) == ("the file is a pickle", ERROR)
    assert found(RULE, healthy(data={"x.txt": b"cat\ndog\nrabbit\n"})) == []


def test_says_when_it_cannot_look() -> None:
    read, _ = contents("tiny", "candidate")
    only = healthy(without=[path for path in read if not path.endswith((".pt", ".bin", ".pth"))])
    assert reasons(RULE, only) == ["no file with a harmless name is here"]
    assert reasons(RULE, Snapshot("empty", {})) == ["no file with a harmless name is here"]
