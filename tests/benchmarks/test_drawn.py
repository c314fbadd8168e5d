"""The random set of the detection benchmark: what is drawn, and what the twin and the push make of files."""

import io
import json
from dataclasses import asdict

import pytest

from benchmarks.detection import __main__ as command
from benchmarks.detection.blind.training import Training
from benchmarks.detection.drawn.cases import cases, pair
from benchmarks.detection.drawn.publishing import pushed, told
from benchmarks.detection.drawn.recipes import STEPS, drawn
from benchmarks.detection.drawn.twins import disguise, twin
from benchmarks.detection.judge import ACCUSED, CLEARED, INCONCLUSIVE, Judgement
from benchmarks.detection.recipe import ARCHITECTURES
from benchmarks.detection.sets import set_of

NUMBERS = range(60)


def test_a_seed_and_a_number_draw_one_run() -> None:
    """Random's stream of a string seed is the same in every process (PYTHONHASHSEED decides nothing of it)."""
    assert drawn(7, 3) == drawn(7, 3)
    runs = {json.dumps(asdict(drawn(7, number))) for number in NUMBERS}
    assert len(runs) == len(NUMBERS)
    assert drawn(8, 3) != drawn(7, 3)


def test_a_twin_is_another_training_in_one_setting() -> None:
    for number in NUMBERS:
        run = drawn(7, number)
        _, done = twin(7, number, run)
        changed = [key for key, value in asdict(run).items() if asdict(done)[key] != value]
        assert len(changed) == 1, (number, changed)


def test_every_run_has_few_steps_and_a_resume_before_its_end() -> None:
    runs = [drawn(7, number) for number in NUMBERS]
    given = [run.max_steps for run in runs if run.max_steps > 0]
    assert given
    assert all(STEPS[0] <= steps <= STEPS[1] for steps in given)
    assert all(2 <= run.resume_at <= STEPS[1] - 2 for run in runs if run.resume_at is not None)


def test_the_pairs_of_all_architectures_are_all_pairs_with_names_of_their_own() -> None:
    found = [case for name in ARCHITECTURES for case in cases(7, 12, name)]
    assert len({case.name for case in found}) == len(found) == 24
    assert sum(case.honest for case in found) == 12
    chosen = set_of("random", 12, 7).of("llama")
    assert [case.name for case in chosen] == [case.name for case in cases(7, 12, "llama")]


def test_what_is_pushed_has_the_adapter_and_its_configuration() -> None:
    names = ("adapter_model.safetensors", "adapter_config.json", "trainer_state.json", "training_args.bin")
    for number in NUMBERS:
        run = drawn(7, number)
        folders = ("", "checkpoint-3/", "checkpoint-12/")
        files = {folder + name: folder.encode() for folder in folders for name in names}
        words, edit = pushed(7, number, run)
        left = edit(files, ())
        assert any(path.endswith(names[0]) for path in left), words
        if words.startswith("last checkpoint"):
            assert left[names[0]] == b"checkpoint-12/"


def test_a_declaration_tells_what_the_arguments_say() -> None:
    run = Training(
        architecture="llama", platform="llama-factory", more='{"dataloader_drop_last": true}', beta2=0.95
    )
    text = told(run)({"training_args.yaml": b""}, ())["training_args.yaml"].decode()
    assert "dataloader_drop_last: true\n" in text
    assert "adam_beta2: 0.95\n" in text


def test_a_disguise_takes_what_training_computes_and_keeps_what_was_declared() -> None:
    torch = pytest.importorskip("torch")

    def files(loss: float, rate: float, moment: float) -> dict[str, bytes]:
        buffer = io.BytesIO()
        state = {0: {"exp_avg": torch.tensor([moment])}}
        torch.save({"state": state, "param_groups": [{"lr": rate, "params": [0]}]}, buffer)
        rows = [{"step": 1, "loss": loss, "learning_rate": rate}, {"step": 1, "train_loss": loss}]
        log = {"log_history": rows, "best_metric": None}
        return {
            "adapter_model.safetensors": str(moment).encode(),
            "optimizer.pt": buffer.getvalue(),
            "trainer_state.json": json.dumps(log).encode(),
            "runs/events.out.tfevents.1": b"",
        }

    made = disguise(files(6.0, 0.1, 1.0), [files(5.0, 0.2, 2.0)])
    assert made["adapter_model.safetensors"] == b"2.0"
    assert json.loads(made["trainer_state.json"])["log_history"] == [
        {"step": 1, "loss": 5.0, "learning_rate": 0.1},
        {"step": 1, "train_loss": 5.0},
    ]
    optimizer = torch.load(io.BytesIO(made["optimizer.pt"]), weights_only=True)
    assert optimizer["state"][0]["exp_avg"].item() == 2.0
    assert optimizer["param_groups"][0]["lr"] == 0.1
    assert not any("tfevents" in path for path in made)


@pytest.mark.parametrize(("outcome", "honest", "code"), [(INCONCLUSIVE, False, 0), (ACCUSED, True, 1)])
def test_the_random_set_fails_for_an_error_alone(
    monkeypatch: pytest.MonkeyPatch, outcome: str, honest: bool, code: int
) -> None:
    one = Judgement("a", "a", honest, outcome, "", "inconclusive")
    cleared = Judgement("b", "b", True, CLEARED, "", "identical")
    monkeypatch.setattr(command, "_of_set", lambda name, options: [one, cleared])
    assert command.main(["--set", "random"]) == code


def test_a_pair_is_judged_by_the_same_files() -> None:
    honest, falsified = pair(7, 0)
    assert honest.declared == falsified.declared == falsified.trained
    assert honest.label == falsified.label
