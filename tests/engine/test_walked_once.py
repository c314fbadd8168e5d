"""A pickled file is walked once, however many readers and rules look at it."""

import pytest

from auditor.artifacts import pickle_archive
from auditor.artifacts._pickle_opcodes import read as walk
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.runs import read
from tests.builders import adapter_folders as made
from tests.builders.pickles import make_optimizer, make_torch, make_training_args

FILES = {
    "optimizer.pt": make_optimizer([(2, 3), (3, 2)], step=7.0),
    "training_args.bin": make_training_args({"seed": 42}),
    "scheduler.pt": make_torch({"last_epoch": 7, "base_lrs": [0.1], "_last_lr": [0.1], "_step_count": 8}),
    "scaler.pt": make_torch({"scale": 65536.0, "_growth_tracker": 7}),
}


def test_each_pickle_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[bytes] = []

    def counted(data: bytes, start: int = 0) -> object:
        walked.append(data)
        return walk(data, start)

    monkeypatch.setattr(pickle_archive, "read", counted)
    root = read(made.snapshot(FILES)).folders[""]
    assert len(walked) == len(FILES)
    assert sorted(item.path for item in root.all(PickleArchive)) == sorted(FILES)
    (state,) = root.all(OptimizerState)
    assert state.steps == {7.0}


def test_what_one_reader_takes_is_there_for_the_next() -> None:
    """The optimizer's reader forgets the values it took; the archive beside it still has them."""
    root = read(made.snapshot(FILES)).folders[""]
    (archive,) = [item for item in root.all(PickleArchive) if item.path == "optimizer.pt"]
    (state,) = root.all(OptimizerState)
    assert isinstance(archive.value, dict)
    assert set(archive.value) == {"state", "param_groups"}
    assert state.archive.value is None


def test_a_damaged_pickle_is_told_once() -> None:
    (unread,) = read(made.snapshot({"optimizer.pt": FILES["optimizer.pt"][:100]})).unread
    assert (unread.path, unread.state) == ("optimizer.pt", "unreadable")
