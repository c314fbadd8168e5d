import os
import pickle

import pytest
from safetensors.numpy import load

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


@pytest.mark.parametrize(
    "first",
    [
        *(
            b"N0",
            b"I1\n0",
            b"F1.0\n0",
            b"S'x'\n0",
            b"Vx\n0",
            b"K\x010",
            b"\x880",
            b"]0",
            b")0",
            b"(1",
            b"(((((",
        ),
        *(
            b"\x80\x00",
            b"\x80\x01",
            b"\x95" + bytes(8),
            b"\x8c\x01a0",
            b"T\x00\x10\x00\x00" + bytes(4096) + b"0",
        ),
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["x.json", "weights.dat"])
def test_fails_for_a_call_behind_any_operation(path: str, first: bytes) -> None:
    """pickle.loads runs all of them (C and Python unpickler alike); what lies before the call does nothing."""
    harmless = first + b"cmath\nsqrt\n(I4\ntR."
    assert pickle.loads(harmless) == 2
    calls = first + b"cos\nsystem\n(S'true'\ntR."
    rules = (RULE, "pickle-under-another-name")
    assert [item.severity for rule in rules for item in found(rule, healthy(data={path: calls}))] == [ERROR]


@pytest.mark.parametrize(
    "text",
    [
        b"Copyright (c) 2024\nAll rights reserved.\n",
        b"import os\nimport sys\n\nprint(1)\n",
        b"In the beginning" + b" was the word" * 200,
        b"class Model:\n    def forward(self):\n        return 1\n",
        b"N)R.",  # reads as a call of None
        b"(iwords here\nand there\n.",
    ],
)
@pytest.mark.parametrize("path", ["x.txt", "x.py", "noend"])
def test_passes_texts_that_begin_like_a_pickle(path: str, text: bytes) -> None:
    rules = (RULE, "pickle-under-another-name")
    assert [item for rule in rules for item in found(rule, healthy(data={path: text}))] == []


@pytest.mark.parametrize("protocol", [0, 1])
def test_fails_for_a_pickle_that_is_text_and_calls_something(protocol: int) -> None:
    data = pickle.dumps(Calls(), protocol=protocol)
    (item,) = found(RULE, healthy(data={"x.json": data}))
    assert (item.message, item.severity) == ("the file is a pickle", ERROR)
    assert found(RULE, healthy(data={"x.txt": b"cat\ndog\nrabbit\n"})) == []


def tensors_and(calls: bytes) -> bytes:
    """A safetensors file that is a pickle as well: its operations are texts that reach over all of the header.

    The length of the header begins with ``U`` (a short text) and the size of that text, which ends within the metadata.
    There each text of a hundred characters is followed by the next, the last of which ends with the header.
    """
    begin = b'{"__metadata__":{"k":"'
    end = b'"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(calls) + 1, len(calls) + 1)
    reach = 8 + len(begin) - 2
    length = ord("U") + 256 * reach
    left = length - len(begin) - len(end) - 3
    sizes = [97] * (left // 100)
    for number in range(left % 100):
        sizes[number % len(sizes)] += 1
    texts = b"".join(b"0U%c" % size + b"x" * size for size in sizes)
    return length.to_bytes(8, "little") + begin + texts + b"0U%c" % len(end) + end + b"0" + calls


def test_fails_for_tensors_that_call_something_when_they_are_unpickled() -> None:
    calls = b"cmath\nsqrt\n(I4\ntR."
    both = tensors_and(calls)
    assert pickle.loads(both) == 2
    assert load(both)["w"].tobytes() == b"0" + calls
    data = tensors_and(b"cos\nsystem\n(S'true'\ntR.")
    (item,) = found(RULE, healthy(data={ADAPTER: data}))
    assert (item.message, item.severity) == ("the file is a pickle", ERROR)


def test_says_when_it_cannot_look() -> None:
    read, _ = contents("tiny", "candidate")
    only = healthy(without=[path for path in read if not path.endswith((".pt", ".bin", ".pth"))])
    assert reasons(RULE, only) == ["no file with a harmless name is here"]
    assert reasons(RULE, Snapshot("empty", {})) == ["no file with a harmless name is here"]
