import contextlib
import io
import pickle
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._pickle_decode import _OPCODES
from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickle_values import bounded
from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL, foreign_modules, make_bomb
from tests.builders.pickles import (
    Call,
    Global,
    Opcodes,
    dumps,
    named,
    torch_zip,
)

ENUM = named("transformers.trainer_utils.HubStrategy")


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


def reason(data: bytes) -> str:
    with pytest.raises(CannotRead) as caught:
        parsed(data)
    return caught.value.reason


SECONDS = 3.0
MEGABYTES = 200


def measured(data: bytes) -> None:
    """Read, describe and spell out within bounds of time and memory, or raise CannotRead within them."""
    start = time.process_time()
    used(data)
    assert time.process_time() - start < SECONDS
    tracemalloc.start()
    used(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTES * 2**20


def used(data: bytes) -> None:
    with contextlib.suppress(CannotRead):
        archive = parsed(data)
        assert len(bounded(archive.value)) <= 200
        plain(archive.value)
        plain(archive.value, 40)
        repr(archive)
        archive.facts()
        tensors(archive)


def remembered(value: object, use: bytes, times: int) -> bytes:
    """A value in memo 0 and then ``use`` many times over, inside one list."""
    return b"\x80\x02](" + pickles.Writer().encode(value) + b"q\x00" + use * times + b"e."


BIG = b"X" + struct.pack("<I", 100_000) + b"x" * 100_000
ORDERED, ENCODE, SET = b"ccollections\nOrderedDict\n", b"c_codecs\nencode\n", b"cbuiltins\nset\n"
PAIRS = [[f"k{i}", i] for i in range(2000)]
COLLIDING = b"".join(b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"N" for i in range(1, 60_000))
BOMBS = {
    "doubling tuples": make_bomb(200),
    "lists of a thousand, four deep": make_bomb(4, 1000),
    "tuples as arguments": make_bomb(100)[:-1].replace(b"\x80\x02", b"\x80\x02cos\nsystem\n") + b"R.",
    "tuples as keys": remembered(pickles.Opcodes(make_bomb(50)[2:-1]), b"}h\x31Ns", 5000),
    "100,000 lists deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "100,000 tuples deep": b"\x80\x02N" + b"\x85" * 100_000 + b".",
    "30,000 dicts deep": b"\x80\x02" + b"}N" * 30_000 + b"N" + b"s" * 30_000 + b".",
    "30,000 objects deep": b"\x80\x02" + b"ctrl\nA\n)\x81}N" * 20_000 + b"N" + b"sb" * 20_000 + b".",
    "30,000 marks": b"\x80\x02" + b"(" * 30_000 + b"t" * 29_999 + b".",
    "an integer of a megabyte": b"\x80\x02\x8b" + struct.pack("<i", 2**20) + b"\x7f" * 2**20 + b".",
    "an integer of 5,000 digits": b"I" + b"9" * 5000 + b"\n.",
    "an integer of a megabyte as enum": dumps(Call(ENUM, (2 ** (8 * 2**20),))),
    "a text of four gigabytes": b"\x80\x02X\xff\xff\xff\xff.",
    "a text of 2**63 bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f" + b".",
    "a frame of 2**64 bytes": b"\x80\x04\x95" + b"\xff" * 8 + b".",
    "frames within frames": b"\x80\x04"
    + b"".join(b"\x95" + struct.pack("<Q", 9 * i) for i in range(50_000, 0, -1)),
    "mappings copied": remembered(PAIRS, ORDERED + b"h\x00\x85R", 4_000),
    "sets copied": remembered([0] * 2000, SET + b"h\x00\x85R", 4_000),
    "texts encoded": remembered(pickles.Opcodes(BIG), ENCODE + b"h\x00\x85R", 4_000),
    "states copied": remembered({f"k{i}": i for i in range(2000)}, b"ctrl\nA\n)\x81h\x00b", 20_000),
    "arguments spread": remembered(tuple(range(5000)), SET + b"h\x00R", 4_000),
    "items appended to an object": b"\x80\x02ctrl\nA\n)\x81" + b"(NNNe" * 50_000 + b".",
    "integer keys that collide": b"\x80\x02}(" + COLLIDING + b"u.",
    "memo numbers that collide": b"("
    + b"".join(b"Np%d\n" % (i * (2**61 - 1)) for i in range(1, 60_000))
    + b"t.",
    "long names, many": b"\x80\x04"
    + b"".join(pickles.text(chr(97 + i) * 400) + b"\x94" for i in range(20))
    + b"".join(b"h%ch%c\x930" % (i, j) for i in range(20) for j in range(20)) * 50
    + b".",
    "many names": b"(" + b"".join(b"cm%d\nf\n" % i for i in range(50_000)) + b"t.",
    "a device of nested tuples": dumps(Call(Global("torch", "device"), (Opcodes(make_bomb(60)[2:-1]),))),
    "a path of nested tuples": dumps(Call(Global("pathlib", "PosixPath"), (Opcodes(make_bomb(60)[2:-1]),))),
    "an enum of nested tuples": dumps(Call(ENUM, (Opcodes(make_bomb(60)[2:-1]),))),
    "a storage named by tuples": dumps(
        Opcodes(pickles.Writer().encode(("storage", Global("torch", "FloatStorage"))) + b"0" + b"N")
    ),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_bombs_cost_bounded_time_and_memory(name: str) -> None:
    measured(BOMBS[name])


def test_more_opcodes_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.artifacts._pickle_decode.OPCODE_LIMIT", 1000)
    assert parsed(b"N0" * 499 + b"N.").value is None
    assert reason(b"N0" * 500 + b"N.") == "holds a pickle of more than 1,000 opcodes"


def test_spelling_out_shared_lists_stops_at_the_limit_of_values() -> None:
    inner: object = list(range(1000))
    for _ in range(3):
        inner = [inner] * 1000
    found = plain(inner, 4, 5000)

    def count(value: object) -> int:
        return 1 + sum(count(item) for item in value) if isinstance(value, list) else 1

    assert 4000 < count(found) <= 5001


def test_integer_keys_are_counted_unless_they_are_in_sequence() -> None:
    assert len(plain_dict(parsed(pickle.dumps(dict.fromkeys(range(60_000)), 2)).value)) == 60_000
    scattered = pickle.dumps(dict.fromkeys(range(0, 120_000, 2)), 2)
    assert reason(scattered) == "holds a pickle with more than 50,000 integer keys out of sequence"


def plain_dict(value: object) -> dict[object, object]:
    assert isinstance(value, dict)
    return value


def test_every_opcode_of_python_is_decoded() -> None:
    import pickletools

    assert {ord(op.code): op.name for op in pickletools.opcodes} == {
        byte: name for byte, (name, _) in _OPCODES.items()
    }


SEEDS = [
    pickles.make_training_args({"learning_rate": 0.1, "optim": "adamw_torch", "hub_token": "x"}),
    pickles.make_optimizer([(2, 3), (4,)]),
    pickles.make_rng(),
    pickles.make_torch([EVIL[kind]("touch /dev/null") for kind in sorted(EVIL) if kind != "before_damage"]),
    torch_zip(dumps({"a": [1, 2]}), compression=zipfile.ZIP_DEFLATED),
    pickles.make_legacy({"a": 1}, ["0"]),
    pickle.dumps({"a": [1, (2.5, "x")], "b": np.arange(3)}, 4),
    pickle.dumps({"a": [1, (2.5, "x")]}, 0),
]


def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(changed) - 1))
        changed[at] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(changed))) if draw(st.booleans()) else len(changed)
    return bytes(changed[:cut])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    inside = data[:4] == b"PK\x03\x04" and draw(st.booleans())
    if not inside:
        return mutated(draw, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return torch_zip(mutated(draw, archive.read("archive/data.pkl")))


@given(damaged())
@settings(max_examples=600, deadline=2000)
def test_damaged_files_only_ever_raise_cannot_read(data: bytes) -> None:
    modules = foreign_modules()
    with contextlib.suppress(CannotRead):
        archive = parsed(data)
        plain(archive.value)
        archive.facts()
        for ref in tensors(archive).values():
            archive.tensor(ref)
    assert foreign_modules() == modules


@given(st.binary(min_size=1, max_size=60).map(lambda tail: b"\x80\x04" + tail + b"."))
@settings(max_examples=300, deadline=2000)
def test_opcodes_in_any_order_only_ever_raise_cannot_read(data: bytes) -> None:
    with contextlib.suppress(CannotRead):
        plain(parsed(data).value)
