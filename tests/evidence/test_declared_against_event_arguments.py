"""The same comparison, on the arguments that TensorBoardCallback wrote."""

from auditor.evidence import declared_against_event_arguments as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.events import NAME
from tests.builders.repositories import healthy
from tests.checks.training.parts import event_args, with_events
from tests.checks.training.parts import events as made_events
from tests.evidence.support import EVENTS, adapter, event_file, recipe, run_of, said


def run_with(*attempts: dict[str, object], path: str = EVENTS) -> Run:
    train = {"learning_rate": 3e-5, "mixed_precision": "bf16"}
    files: dict[str, object] = {
        "adapter_config.json": adapter(),
        "cheetah-fine-tuning-config.json": recipe(train=train),
    }
    for number, args in enumerate(attempts):
        files[path if number == 0 else f"runs/two/{NAME}"] = event_file(args)
    return run_of(files)


def test_agreement_verifies() -> None:
    found = said(run_with({"learning_rate": 3e-5, "fp16": False, "bf16": True}), module)
    assert found == {
        "learning_rate": (Status.VERIFIED, "the event file says the same: 3e-05"),
        "mixed_precision": (Status.VERIFIED, "the event file says the same: bf16"),
    }


def test_another_value_contradicts() -> None:
    found = said(run_with({"learning_rate": 1e-3}), module)
    assert found == {
        "learning_rate": (
            Status.CONTRADICTED,
            "learning_rate is declared as 3e-05, and the event file says 0.001",
        )
    }


def test_the_last_event_file_speaks() -> None:
    found = said(run_with({"learning_rate": 1e-3}, {"learning_rate": 3e-5}), module)
    assert found["learning_rate"][0] is Status.VERIFIED


def test_the_healthy_run_agrees() -> None:
    outcomes = said(run_of(healthy()), module)
    assert "learning_rate" in outcomes
    assert {outcome for outcome, _ in outcomes.values()} == {Status.VERIFIED}


def test_is_silent_without_arguments_in_an_event_file() -> None:
    assert said(run_with(), module) == {}
    files = {"adapter_config.json": adapter(), EVENTS: event_file(config={"model_type": "gemma3"})}
    assert said(run_of(files), module) == {}


def test_an_event_file_that_training_args_contradicts_is_doubted() -> None:
    """The honest training_args.bin says 0.002, as declared."""
    run = run_of(with_events(made_events(args={**event_args(), "learning_rate": 0.003})))
    outcome, says = said(run, module)["learning_rate"]
    assert outcome is Status.UNVERIFIABLE
    assert says.endswith("; training_args.bin says 0.002")
