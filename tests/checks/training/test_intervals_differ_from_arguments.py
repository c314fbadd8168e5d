"""The honest run: logging_steps 1 and save_steps 9 in arguments and states, eval_steps 500 in the states alone."""

import pytest

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import STATE, STATES, arguments, everywhere

RULE = "intervals-differ-from-arguments"


def asked(**values: object) -> Snapshot:
    return healthy(data=everywhere(arguments(**values)))


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_another_interval() -> None:
    assert found(RULE, asked(logging_steps=5, save_steps=6)) == [
        finding(
            RULE,
            WARNING,
            f"{STATE} counts another interval than training_args.bin asks for in logging_steps and save_steps",
            STATE,
            "/logging_steps",
            expected="logging_steps 5",
            observed="logging_steps 1",
        )
    ]


@pytest.mark.parametrize(("share", "count"), [(0.05, 0), (0.06, 1), (-18, 0)])
def test_a_share_of_the_run_is_rounded_up(share: float, count: int) -> None:
    """18 x 0.05 = 0.9 is one step, 18 x 0.06 = 1.08 two; a negative number is a share as well."""
    states: dict[str, dict[str, object]] = (
        {path: {"/logging_steps": -324} for path in STATES} if share == -18 else {}
    )
    data = everywhere(arguments(logging_steps=share))
    assert len(found(RULE, healthy(data=data, json_edits=states))) == count


def test_a_share_is_of_the_length_that_the_run_began_with() -> None:
    """18 steps, gone on with for 36: resuming loads a state that counts 18 x 0.05 = 0.9, one step; 1.8 would be two."""
    longer = {path: {"/max_steps": 36} for path in STATES if not path.startswith("checkpoint-9/")}
    data = everywhere(arguments(logging_steps=0.05))
    assert found(RULE, healthy(data=data, json_edits=longer)) == []
    every = {path: {"/max_steps": 36} for path in STATES}
    assert len(found(RULE, healthy(data=data, json_edits=every))) == 1


def test_passes_an_interval_that_nobody_asked_for() -> None:
    assert found(RULE, asked(eval_steps=None)) == []
    assert len(found(RULE, asked(eval_steps=9))) == 1


def test_says_when_it_cannot_look() -> None:
    unread = "the run has no trainer_state.json and training_args.bin that were read"
    assert reasons(RULE, seed()) == [unread]
    assert reasons(RULE, healthy(without=STATES)) == [unread]
    told = "the copies of the arguments differ (training-arguments-differ)"
    assert reasons(RULE, healthy(data={"training_args.bin": arguments(logging_steps=5)})) == [told]
