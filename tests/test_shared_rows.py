"""Rows of a run's logs are kept once, and no file's content changes by it."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead
from auditor.runs import _shared_rows, read
from auditor.runs._shared_rows import SharedRows
from auditor.sources.directory import memory_snapshot
from tests.builders import adapter_folders as made
from tests.builders.blobs import blob
from tests.builders.pickles import make_optimizer


def log(rows: Sequence[object], step: int = 1) -> TrainerState:
    text = json.dumps({"global_step": step, "log_history": rows})
    return TrainerState.parse(blob(text.encode(), f"checkpoint-{step}/trainer_state.json"))


VALUES: st.SearchStrategy[object] = st.sampled_from(
    [0, 0.0, -0.0, 1, 1.0, True, float("nan"), float("inf"), None, "a", "b", [1], [1.0], {}]
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["step", "loss"]), VALUES), max_size=6)


@given(ROWS, ROWS, st.integers(0, 6), st.sampled_from([1, 2, 256]))
@settings(deadline=None)
def test_no_value_changes_its_type_or_sign(
    one: list[object], two: list[object], kept: int, block: int
) -> None:
    """1, 1.0 and true are equal in Python, and so are 0.0 and -0.0; in a file they are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shared_rows, "_BLOCK", block)
        shared = SharedRows()
        for number, rows in enumerate((one, [*one[:kept], *two], two), 1):
            found, expected = shared.of(log(rows, number)), log(rows, number)
            assert repr(found.log_history) == repr(expected.log_history)
            assert repr(found.raw) == repr(expected.raw)
            assert found.keys == expected.keys


def test_rows_of_checkpoints_are_one_object_each() -> None:
    """In the order of paths, in which checkpoint-10 comes before checkpoint-9."""
    snapshot = memory_snapshot("a", made.run(12) | made.run(3, "other"))
    logs = [state for folder in read(snapshot).folders.values() for state in folder.all(TrainerState)]
    own = [state for state in logs if not state.path.startswith("other/")]
    assert sorted(len(state.log_history) for state in own) == list(range(1, 13))
    assert len({id(row) for state in own for row in state.log_history}) == 12
    assert len({id(row) for state in logs for row in state.log_history}) == 15


def test_a_log_that_differs_keeps_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shared_rows, "_BLOCK", 2)
    rows = [{"step": step, "loss": 1.0 / step} for step in range(1, 8)]
    shared = SharedRows()
    first, second = shared.of(log(rows)), shared.of(log([*rows[:5], {"step": 6, "loss": 9.0}], 2))
    assert [one is two for one, two in zip(first.log_history, second.log_history, strict=False)] == [
        *(True, True, True, True, False, False),
    ]
    assert second.log_history[5] == {"step": 6, "loss": 9.0}


def test_rows_nested_as_deep_as_json_reads_raise_nothing() -> None:
    read_them = 0
    for depth in range(10, 1000, 30):
        text = '{"log_history": [{"step": 1, "loss": ' + "[" * depth + "]" * depth + "}]}"
        shared = SharedRows()
        try:
            states = [TrainerState.parse(blob(text.encode(), f"checkpoint-{n}/t")) for n in (1, 2)]
        except CannotRead:
            break
        read_them += 1
        assert [len(shared.of(state).log_history) for state in states] == [1, 1]
    assert read_them > 20


def test_a_file_is_read_as_what_is_asked_for_alone() -> None:
    snapshot = memory_snapshot("a", made.run(1))
    folder = read(snapshot, frozenset({OptimizerState})).folders["checkpoint-1"]
    assert list(folder.artifacts) == [OptimizerState]
    assert folder.all(OptimizerState)[0].archive.value is None
    assert PickleArchive in read(snapshot).folders["checkpoint-1"].artifacts


def test_places_of_tensors_are_one_object_and_never_another_files() -> None:
    """Both files call their storages 0, 1, 2; only what lies in the same place in the same form is shared."""

    def refs(shape: tuple[int, ...]) -> list[object]:
        state = OptimizerState.parse(blob(make_optimizer([shape]), "optimizer.pt"))
        assert state.entries[0].shape == shape
        return list(state.entries[0].tensors.values())

    first, other, again = refs((2, 3)), refs((3, 2)), refs((3, 2))
    assert [one is two for one, two in zip(other, again, strict=True)] == [True, True]
    assert first != other
