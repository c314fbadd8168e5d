"""Bullets of a Trainer's card against the arguments."""

from typing import Any

import pytest

from auditor.evidence import card_against_training as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy
from tests.evidence.support import adapter, arguments, run_of, said, state, with_artifacts

HEAD = "# Card\n\n### Training hyperparameters\n\nThe following hyperparameters were used during training:\n"


def run_with(bullets: str, **values: Any) -> Run:
    run = run_of({"adapter_config.json": adapter(), "README.md": (HEAD + bullets).encode()})
    return with_artifacts(run, arguments(**values)) if values else run


@pytest.mark.parametrize(
    ("bullet", "values", "expected"),
    [
        (
            "- learning_rate: 3e-05\n",
            {"learning_rate": 3e-5},
            {"learning_rate": (Status.VERIFIED, "the model card says the same: 3e-05")},
        ),
        (
            "- learning_rate: 0.0002\n",
            {"learning_rate": 3e-5},
            {
                "learning_rate": (
                    Status.CONTRADICTED,
                    "the model card says learning_rate 0.0002, and training_args.bin says 3e-05",
                )
            },
        ),
        (
            "- num_epochs: 3\n- seed: 7\n",
            {"num_train_epochs": 3.0, "seed": 42},
            {
                "num_train_epochs": (Status.VERIFIED, "the model card says the same: 3"),
                "seed": (Status.CONTRADICTED, "the model card says seed 7, and training_args.bin says 42"),
            },
        ),
        (
            "- lr_scheduler_type: linear\n",
            {"lr_scheduler_type": "SchedulerType.LINEAR"},
            {"lr_scheduler_type": (Status.VERIFIED, "the model card says the same: linear")},
        ),
    ],
)
def test_bullets(bullet: str, values: dict[str, Any], expected: dict[str, tuple[Status, str]]) -> None:
    assert said(run_with(bullet, **values), module) == expected


def test_the_state_speaks_where_there_are_no_arguments() -> None:
    run = run_of(
        {
            "adapter_config.json": adapter(),
            "README.md": (HEAD + "- num_epochs: 5\n").encode(),
            "trainer_state.json": state(),
        }
    )
    assert said(run, module)["num_train_epochs"] == (
        Status.CONTRADICTED,
        "the model card says num_train_epochs 5, and trainer_state.json says 1",
    )


def test_prose_is_not_read() -> None:
    run = with_artifacts(
        run_of({"adapter_config.json": adapter(), "README.md": b"learning_rate: 1\n"}),
        arguments(learning_rate=2.0),
    )
    assert said(run, module) == {}


def test_is_silent_without_arguments_or_bullets() -> None:
    assert said(run_with("- learning_rate: 1.0\n"), module) == {}
    assert {outcome for outcome, _ in said(run_of(healthy()), module).values()} <= {Status.VERIFIED}
