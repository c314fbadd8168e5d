"""Grouping: many adapters, many runs in one folder, lineage by log_history, events and recipes to their run."""

import json
from typing import BinaryIO

import pytest

from auditor.model import Blob, FileKind, Snapshot
from auditor.runs import Folder, Run, _lineage, group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import contents, healthy, seed


def config(**more: object) -> bytes:
    return json.dumps({"peft_type": "LORA", "r": 8, "base_model_name_or_path": "a/b", **more}).encode()


def state(step: int, losses: tuple[float, ...], max_steps: int = 100) -> bytes:
    rows = [{"step": i + 1, "loss": loss} for i, loss in enumerate(losses)]
    return json.dumps({"global_step": step, "max_steps": max_steps, "log_history": rows}).encode()


def runs(files: dict[str, bytes]) -> tuple[Run, ...]:
    return group(read(memory_snapshot("x", files)))


def test_the_healthy_repository_is_one_run_with_two_checkpoints() -> None:
    (run,) = group(read(healthy()))
    assert (run.name, run.path) == (".", "")
    assert [folder.step for folder in run.checkpoints] == [9, 18]
    assert len(run.events) == 1
    assert run.recipe is not None
    assert run.recipe.platform == "cheetah"


def test_unfetched_binaries_do_not_hide_the_run() -> None:
    contents = read(seed())
    (run,) = group(contents)
    assert [folder.path for folder in run.checkpoints] == ["checkpoint-450"]
    assert {item.state for item in contents.unread} == {"unfetched"}


def test_adapters_in_subfolders_are_runs_of_their_own() -> None:
    found = runs({"a/adapter_config.json": config(), "b/c/adapter_config.json": config(r=4)})
    assert [run.name for run in found] == ["a", "b/c"]


def test_checkpoints_without_a_parent_adapter_are_still_a_run() -> None:
    (run,) = runs(
        {"out/checkpoint-5/adapter_config.json": config(), "out/checkpoint-10/adapter_config.json": config()}
    )
    assert run.name == "out"
    assert [folder.step for folder in run.checkpoints] == [5, 10]


def test_the_hubs_last_checkpoint_is_a_checkpoint_of_the_run() -> None:
    (run,) = runs(
        {
            "adapter_config.json": config(),
            "trainer_state.json": state(2, (3.0, 2.0)),
            "checkpoint-1/trainer_state.json": state(1, (3.0,)),
            "last-checkpoint/trainer_state.json": state(2, (3.0, 2.0)),
        }
    )
    assert [(folder.path, folder.step) for folder in run.checkpoints] == [
        ("checkpoint-1", 1),
        ("last-checkpoint", 2),
    ]


def test_a_last_checkpoint_without_a_state_is_a_folder_like_others() -> None:
    found = runs({"adapter_config.json": config(), "last-checkpoint/adapter_config.json": config()})
    assert [run.name for run in found] == [".", "last-checkpoint"]


def test_a_checkpoint_belongs_to_the_run_whose_history_it_continues() -> None:
    found = runs(
        {
            "checkpoint-1/trainer_state.json": state(1, (3.0,)),
            "checkpoint-2/trainer_state.json": state(2, (3.0, 2.0)),
            "checkpoint-3/trainer_state.json": state(3, (9.0, 8.0, 7.0)),
        }
    )
    assert [(run.name, [f.step for f in run.checkpoints]) for run in found] == [(".", [3]), (".#2", [1, 2])]


def test_a_few_edited_rows_make_no_other_run() -> None:
    """Three of four rows are the same to the last digit, which two runs never log."""
    first, edited = (4.0, 3.0, 2.0, 1.0), (4.0, 3.5, 2.0, 1.0, 0.5)
    files = {
        "checkpoint-4/trainer_state.json": state(4, first),
        "checkpoint-5/trainer_state.json": state(5, edited),
    }
    assert [run.name for run in runs(files)] == ["."]
    files["checkpoint-5/trainer_state.json"] = state(5, (4.0, 3.5, 2.5, 1.0, 0.5))
    assert [run.name for run in runs(files)] == [".", ".#2"]


def test_a_checkpoint_is_compared_with_so_many_runs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = _lineage.continues
    monkeypatch.setattr(_lineage, "continues", lambda *pair: compared.append(1) or real(*pair))  # type: ignore[func-returns-value]
    ranks = {f"checkpoint-{n}/adapter_config.json": config(r=n) for n in range(1, 201)}
    assert len(runs(ranks)) == 200
    assert len(compared) <= 200 * _lineage.MOST_RUNS
    rows = {f"checkpoint-{n}/trainer_state.json": state(n, (3.0, n), max_steps=n) for n in range(1, 201)}
    compared.clear()
    assert len(runs(rows)) == 200
    assert len(compared) <= 200 * _lineage.MOST_RUNS


def test_lineage_is_compared_as_text_because_nan_is_not_nan() -> None:
    nan = b'{"global_step": 1, "max_steps": 9, "log_history": [{"step": 1, "grad_norm": NaN}]}'
    more = b'{"global_step": 2, "max_steps": 9, "log_history": [{"step": 1, "grad_norm": NaN}, {"step": 2, "loss": 1}]}'
    (run,) = runs({"checkpoint-1/trainer_state.json": nan, "checkpoint-2/trainer_state.json": more})
    assert len(run.checkpoints) == 2


def test_another_base_or_rank_is_another_run() -> None:
    found = runs(
        {
            "checkpoint-100/adapter_config.json": config(base_model_name_or_path="x/3b"),
            "checkpoint-500/adapter_config.json": config(base_model_name_or_path="x/8b"),
        }
    )
    assert len(found) == 2


def test_a_recipe_belongs_to_the_nearest_folder_above() -> None:
    recipe = json.dumps({"peft": {"r": 8}}).encode()
    other = json.dumps({"peft": {"r": 4}}).encode()
    found = runs(
        {
            "cheetah-fine-tuning-config.json": recipe,
            "a/adapter_config.json": config(),
            "b/adapter_config.json": config(),
            "b/cheetah-fine-tuning-config.json": other,
        }
    )
    assert [run.recipe and run.recipe.path for run in found] == [
        "cheetah-fine-tuning-config.json",
        "b/cheetah-fine-tuning-config.json",
    ]


def test_the_base_is_known_by_name_and_class() -> None:
    (run,) = group(read(seed()))
    assert run.base is not None
    assert run.base_source == "table of known models"


def test_an_unreadable_config_is_kept_with_its_reason() -> None:
    contents = read(memory_snapshot("x", {"adapter_config.json": b"{", "README.md": b"# x"}))
    (item,) = contents.unread
    assert (item.path, item.state) == ("adapter_config.json", "unreadable")
    (run,) = group(contents)
    assert run.name == "."


def test_an_event_file_outside_every_run_belongs_to_none() -> None:
    """Seen in a public repository: an event file of another run at the root, the adapter in a folder."""
    events = contents("tiny", "candidate")[0]
    (name,) = [path for path in events if "tfevents" in path]
    files = {name.rpartition("/")[2]: events[name], "model/adapter_config.json": config()}
    (run,) = runs(files)
    assert run.events == ()
    (below,) = runs({f"model/{name}": events[name], "model/adapter_config.json": config()})
    assert len(below.events) == 1


@pytest.mark.parametrize("path", ["adapter_config.json", "checkpoint-9", "cheetah-fine-tuning-config.json"])
def test_a_link_in_the_place_of_a_file_that_is_read_is_not_silently_absent(path: str) -> None:
    """Before, such a run passed with "every recognised file was read"."""

    def refuse() -> BinaryIO:
        raise AssertionError("a link is never opened")

    files = dict(healthy(without=[path, f"{path}/"]).files)
    files |= {name: Blob(name, None, refuse, FileKind.SYMLINK) for name in (path, "notes.txt")}
    found = read(Snapshot("x", files, kind="memory"))
    assert [(item.path, item.state, item.reason) for item in found.unread] == [
        (path, "unreadable", "is a symlink, which is never followed")
    ]


def test_what_macos_keeps_beside_a_file_is_no_copy_of_it() -> None:
    """``._optimizer.pt`` holds icons and attributes; a pickle under such a name is read like any other."""
    double = b"\x00\x05\x16\x07" + b"\0" * 160
    assert read(memory_snapshot("x", {"._optimizer.pt": double})).unread == ()
    (item,) = read(memory_snapshot("x", {"._optimizer.pt": b"\x80\x02cos\nsystem\n"})).unread
    assert item.path == "._optimizer.pt"


def test_many_runs_in_one_folder_are_not_each_compared_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 trainings into one output_dir: runs are found by their first row, not by trying every one."""
    tried = 0
    real = _lineage.continues

    def counted(earlier: Folder, later: Folder) -> bool:
        nonlocal tried
        tried += 1
        return real(earlier, later)

    monkeypatch.setattr(_lineage, "continues", counted)
    files = {f"checkpoint-{n}/trainer_state.json": state(n, (float(n), 1.0)) for n in range(1, 301)}
    assert len(runs(files)) == 300
    # One candidate each, by the second row, which is the same in all of them.
    assert tried < 300


def test_the_final_state_belongs_to_the_run_it_continues() -> None:
    """The shorter of two runs in a folder may be the one whose end was saved."""
    found = runs(
        {
            "checkpoint-2/trainer_state.json": state(2, (3.0, 2.0)),
            "checkpoint-9/trainer_state.json": state(9, (9.0, 8.0)),
            "trainer_state.json": state(3, (3.0, 2.0, 1.0)),
        }
    )
    assert [(run.name, [f.step for f in run.checkpoints]) for run in found] == [(".", [2]), (".#2", [9])]
    assert [len(run.others) for run in found] == [1, 0]


def test_an_event_file_belongs_to_the_run_whose_losses_it_holds() -> None:
    read_, _ = contents("tiny", "candidate")
    (name,) = [path for path in read_ if "tfevents" in path]
    mine = read_["checkpoint-18/trainer_state.json"]
    other = state(9, (9.0, 8.0))
    found = runs(
        {
            name: read_[name],
            "checkpoint-18/trainer_state.json": mine,
            "checkpoint-900/trainer_state.json": other,
        }
    )
    assert [(run.name, len(run.events)) for run in found] == [(".", 0), (".#2", 1)]
    neither = runs(
        {
            name: read_[name],
            "checkpoint-8/trainer_state.json": state(8, (7.0,)),
            "checkpoint-9/trainer_state.json": other,
        }
    )
    assert [len(run.events) for run in neither] == [0, 0]
