import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from auditor.model import Snapshot
from auditor.sources.directory import snapshot
from tests.builders.pickles import make_rng, make_training_args
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.rerun.variants import with_tensors

RULE = "checkpoint-repeats-another"
FOLDERS = ("checkpoint-9/", "checkpoint-18/")


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    ("name", "severity"),
    [("adapter_model.safetensors", ERROR), ("optimizer.pt", ERROR), ("rng_state.pth", WARNING)],
)
def test_fails_for_a_file_of_the_earlier_checkpoint(name: str, severity: object) -> None:
    earlier = contents("tiny", "candidate")[0][f"checkpoint-9/{name}"]
    (item,) = found(RULE, healthy(data={f"checkpoint-18/{name}": earlier}))
    assert (item.severity, item.at.path) == (severity, f"checkpoint-18/{name}")
    assert item.message == f"checkpoint-18/{name} is checkpoint-9/{name}, byte by byte, 9 steps later"


def test_fails_in_a_plain_folder_whose_files_nobody_named(tmp_path: Path) -> None:
    files = dict(contents("tiny", "candidate")[0])
    name = "adapter_model.safetensors"
    files[f"checkpoint-18/{name}"] = files[f"checkpoint-9/{name}"]
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (item,) = found(RULE, snapshot(tmp_path))
    digest = hashlib.sha256(files[f"checkpoint-9/{name}"]).hexdigest()
    assert (item.at.path, item.observed) == (f"checkpoint-18/{name}", f"sha256 {digest[:12]}… twice")


def test_passes_for_random_states_that_nothing_draws_from() -> None:
    """Without dropout a step draws no random number on the CPU."""
    earlier = contents("tiny", "candidate")[0]["checkpoint-9/rng_state.pth"]
    quiet = {"checkpoint-18/adapter_config.json": {"/lora_dropout": 0.0}}
    assert found(RULE, healthy(data={"checkpoint-18/rng_state.pth": earlier}, json_edits=quiet)) == []


def test_passes_random_states_of_trainers_that_turn_dropout_off() -> None:
    """Measured with DPO, KTO, CPO, ORPO and the reward trainer of trl 1.16.0, whose default it is."""
    read = contents("tiny", "candidate")[0]
    same = {"checkpoint-18/rng_state.pth": read["checkpoint-9/rng_state.pth"]}
    for off, count in ((True, 0), (False, 1)):
        said = make_training_args({"seed": 42, "use_cpu": True, "disable_dropout": off})
        assert len(found(RULE, healthy(data={**same, "checkpoint-18/training_args.bin": said}))) == count
    states = [("", 18), ("checkpoint-9/", 9), ("checkpoint-18/", 18)]
    rows = [{"step": step, "loss": 0.7, "rewards/chosen": 0.1} for step in range(1, 19)]
    edits = {f"{folder}trainer_state.json": {"/log_history": rows[:steps]} for folder, steps in states}
    assert found(RULE, healthy(data=same, json_edits=edits)) == []


def test_passes_files_without_tensors_which_are_another_rule_s_matter() -> None:
    empty = (2).to_bytes(8, "little") + b"{}"
    names = [f"checkpoint-{step}/adapter_model.safetensors" for step in (9, 18)]
    assert found(RULE, healthy(data=dict.fromkeys(names, empty))) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["the run has fewer than two checkpoints"]


def test_many_repeats_of_one_kind_are_one_finding(tmp_path: Path) -> None:
    """Seen in a public repository: every label masked, a loss of 0.0, and the same adapter in twenty checkpoints."""
    import json

    from auditor.sources import directory

    files: dict[str, bytes] = {}
    for step in (10, 20, 30, 40):
        rows = [{"step": done, "loss": 0.0} for done in range(10, step + 1, 10)]
        state = {"global_step": step, "max_steps": 40, "log_history": rows}
        files[f"checkpoint-{step}/trainer_state.json"] = json.dumps(state).encode()
        files[f"checkpoint-{step}/adapter_model.safetensors"] = b"the same bytes"
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    # A plain folder: nothing has named these bytes yet, so they are hashed.
    (only,) = found(RULE, directory.snapshot(tmp_path))
    assert only == finding(
        RULE,
        ERROR,
        "checkpoint-20/adapter_model.safetensors is checkpoint-10/adapter_model.safetensors, byte by byte, "
        "10 steps later, and 2 more checkpoints the one before",
        "checkpoint-20/adapter_model.safetensors",
        expected="another file at every step",
        observed=f"sha256 {hashlib.sha256(b'the same bytes').hexdigest()[:12]}… twice",
    )


def test_a_generator_that_is_not_saved_accuses_nobody() -> None:
    """Seen in a public repository of another accelerator: rng_state.pth holds no state that dropout moves."""
    # Nothing says that the run was on a CPU, and no CUDA state is in the file.
    arguments = {f"{folder}training_args.bin": make_training_args({"seed": 42}) for folder in ("", *FOLDERS)}
    states = {f"{folder}rng_state.pth": make_rng(devices=0) for folder in FOLDERS}
    assert found(RULE, healthy(data={**arguments, **states})) == []
    moved = {f"{folder}rng_state.pth": make_rng(devices=1) for folder in FOLDERS}
    (item,) = found(RULE, healthy(data={**arguments, **moved}))
    assert (item.severity, item.at.path) == (WARNING, "checkpoint-18/rng_state.pth")


def test_cannot_look_at_a_run_that_learned_nothing() -> None:
    """Seen in a public repository: twenty equal adapters, and zero in every row; one cause, one finding."""
    read, _ = contents("tiny", "candidate")
    state = json.loads(read["trainer_state.json"])
    dead = [{**row, "loss": 0.0, "grad_norm": 0.0} for row in state["log_history"] if "loss" in row]
    edits = {
        path: {"/log_history": dead[:steps]}
        for path, steps in (
            ("trainer_state.json", 18),
            ("checkpoint-18/trainer_state.json", 18),
            ("checkpoint-9/trainer_state.json", 9),
        )
    }
    same = {"checkpoint-18/adapter_model.safetensors": read["checkpoint-9/adapter_model.safetensors"]}
    assert reasons(RULE, healthy(json_edits=edits, data=same)) == [
        "loss and gradient are zero throughout, which leaves every file as it was and is told once"
    ]


def test_fails_mildly_where_the_log_says_that_nothing_could_move() -> None:
    """Measured: a Trainer with a learning rate of 0, and one whose trained tokens are not in the data."""
    read, _ = contents("tiny", "candidate")
    name = "adapter_model.safetensors"
    same = {f"checkpoint-18/{name}": read[f"checkpoint-9/{name}"]}
    rows = [row for row in json.loads(read["trainer_state.json"])["log_history"] if "loss" in row]

    def logged(key: str, values: Callable[[int], float]) -> Snapshot:
        new = [{**row, key: values(row["step"])} for row in rows]
        states = [("", 18), ("checkpoint-9/", 9), ("checkpoint-18/", 18)]
        edits = {f"{folder}trainer_state.json": {"/log_history": new[:steps]} for folder, steps in states}
        return healthy(json_edits=edits, data=same)

    for key, words in (("learning_rate", "learning rate"), ("grad_norm", "gradient")):
        (item,) = found(RULE, logged(key, lambda _: 0.0))
        assert (item.severity, item.at.path) == (WARNING, f"checkpoint-18/{name}")
        assert item.message.endswith(f"9 steps later: every logged {words} is zero")
        (item,) = found(RULE, logged(key, lambda step: 0.0 if step > 9 else 1e-3))
        assert item.severity == ERROR


def test_passes_weights_that_are_nan_throughout_which_no_step_changes() -> None:
    read, _ = contents("tiny", "candidate")
    paths = [f"checkpoint-{step}/adapter_model.safetensors" for step in (9, 18)]
    lost = with_tensors(read[paths[0]], lambda _, array: array * numpy.float32("nan"))
    assert found(RULE, healthy(data=dict.fromkeys(paths, lost))) == []
    partly = with_tensors(read[paths[0]], lambda name, a: a * numpy.float32("nan" if "lora_B" in name else 1))
    assert len(found(RULE, healthy(data=dict.fromkeys(paths, partly)))) == 1
