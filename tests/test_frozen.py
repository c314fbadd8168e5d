"""Values that do not change: held against a frozen dataclass of the same fields, and the modules they save."""

import copy
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts._event_reading import ScalarPoint
from auditor.artifacts.event_log import EventLog
from auditor.model import Blob, Fact, FileKind
from tests.builders import events as build
from tests.builders.blobs import blob
from tests.builders.pickles import make_optimizer

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Reference:
    value: object
    rtol: float = 0.0
    atol: float = 0.0
    ignorable: bool = False


VALUES = st.none() | st.booleans() | st.integers(-1, 1) | st.floats(0, 1) | st.sampled_from([(1, "a"), "b"])
CALLS = st.tuples(VALUES, st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.5]), st.booleans())


@given(CALLS, CALLS)
def test_equal_and_hashed_as_a_dataclass(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    ours, theirs = Fact(*one), Reference(*one)
    assert (ours == Fact(*two)) == (theirs == Reference(*two))
    assert ours == Fact(*one)
    assert hash(ours) == hash(Fact(*one))
    changed, expected = ours.replaced(rtol=2.0), replace(theirs, rtol=2.0)
    assert (changed.value, changed.rtol, changed.atol) == (expected.value, expected.rtol, expected.atol)


def test_values_of_other_classes_are_never_equal() -> None:
    assert Fact(1) != Reference(1)
    assert Fact(1) != (1, 0.0, 0.0, False)


def test_fields_do_not_change() -> None:
    fact = Fact(1)
    for name in ("value", "new"):
        with pytest.raises(AttributeError, match=f"{name} of a Fact does not change"):
            setattr(fact, name, 2)
    with pytest.raises(AttributeError, match="value of a Fact does not change"):
        del fact.value
    with pytest.raises(TypeError):
        fact.replaced(new=2)
    assert fact.value == 1


def test_shown_and_copied_with_all_fields() -> None:
    fact = Fact([1], 0.5)
    assert repr(fact) == "Fact(atol=0.0, ignorable=False, rtol=0.5, value=[1])"
    assert fact.as_dict() == {"value": [1], "rtol": 0.5, "atol": 0.0, "ignorable": False}
    assert pickle.loads(pickle.dumps(fact)) == fact == copy.deepcopy(fact)
    log = EventLog("a", 1, 2, hostname="h")
    assert pickle.loads(pickle.dumps(log)) == log != log.replaced(path="b")
    assert log.replaced(records=3) == EventLog("a", 1, 3, hostname="h")


def test_blobs_are_told_apart_by_identity() -> None:
    one = blob(b"x")
    assert one == one
    assert one != one.replaced()
    assert len({one, one, one.replaced()}) == 2


@pytest.mark.parametrize("kind", [FileKind.FILE, FileKind.SYMLINK, FileKind.SUBMODULE])
def test_kinds_of_files_are_single_words(kind: FileKind) -> None:
    """They are compared by identity, as members of an enum are."""
    assert pickle.loads(pickle.dumps(kind)) is kind is FileKind(str(kind)) is copy.deepcopy(kind)
    with pytest.raises(ValueError, match="pipe"):
        FileKind("pipe")
    link = Blob("a", None, lambda: pytest.fail("followed"), kind=kind)
    assert link.kind is kind


def test_points_are_tuples_with_names() -> None:
    point = ScalarPoint(3, 0.5, 1.25)
    step, value, wall_time = point
    assert (step, value, wall_time) == (point.step, point.value, point.wall_time) == (3, 0.5, 1.25) == point
    assert repr(point) == "ScalarPoint(step=3, value=0.5, wall_time=1.25)"
    again = pickle.loads(pickle.dumps(point))
    assert (type(again), again) == (ScalarPoint, point)


COSTLY = ("dataclasses", "enum", "functools", "inspect", "json", "re", "threading", "typing")
"""Each takes a fifth of an interpreter's start or more; readers of event files and optimizer states need none."""
EVENTS = build.make_records([build.version(1.0), build.event(1.0, 1, [build.scalar("loss", 2)])])
READERS = [
    ("event_log", "EventLog", build.NAME, EVENTS, "read.is_intact and read.scalars['loss']"),
    ("optimizer_state", "OptimizerState", "optimizer.pt", make_optimizer([(2, 3)]), "read.kind == 'adamw'"),
]


@pytest.mark.parametrize(("module", "reader", "name", "data", "holds"), READERS)
def test_reading_loads_little(
    module: str, reader: str, name: str, data: bytes, holds: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    code = f"""
import sys
from auditor.artifacts.{module} import {reader}
from auditor.model import Blob
read = {reader}.parse(Blob({str(path)!r}, None, lambda: open({str(path)!r}, "rb")))
assert {holds}
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert not set(done.stdout.split()) & set(COSTLY)
