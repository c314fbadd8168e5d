"""The honest run has 18 steps and no evaluation; its arguments are made to ask for some."""

from collections.abc import Sequence

from auditor.checks._received import APART
from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, STATES, arguments, event_path, everywhere, rows

RULE = "evaluations-missing"


def evaluated(steps: Sequence[int], interval: int = 3, **values: object) -> Snapshot:
    """The run with evaluations in the root's log; arguments and states ask for one every ``interval`` steps."""
    made: list[dict[str, object]] = [{"step": step, "epoch": step / 18, "eval_loss": 6.0} for step in steps]
    edits: dict[str, dict[str, object]] = {path: {"/eval_steps": interval} for path in STATES}
    edits[ROOT_STATE]["/log_history"] = sorted(
        [*rows(ROOT_STATE), *made], key=lambda row: float(str(row["step"]))
    )
    data = everywhere(arguments(**{"eval_strategy": "steps", "eval_steps": interval, **values}))
    return healthy(data=data, json_edits=edits, without=[event_path()])


def test_passes() -> None:
    assert found(RULE, evaluated([3, 6, 9, 12, 15, 18])) == []
    assert found(RULE, evaluated([], interval=19)) == []


def test_fails_without_any() -> None:
    assert found(RULE, evaluated([])) == [
        finding(
            RULE,
            WARNING,
            "log_history holds no evaluation, although 6 were due: the arguments ask for one every 3 steps",
            ROOT_STATE,
            "/log_history",
            expected="a row with eval_ keys at step 3",
            observed="none",
        )
    ]


def test_fails_for_one_that_is_gone() -> None:
    (only,) = found(RULE, evaluated([3, 6, 12, 15, 18]))
    assert only.message.startswith("log_history holds no evaluation of step 9: ")
    assert (
        found(RULE, evaluated([6, 12, 18])) == []
    )  # a run that was begun with another interval, for instance


def test_says_when_it_cannot_look() -> None:
    unasked = "no argument asks for evaluation by steps"
    assert reasons(RULE, seed()) == reasons(RULE, healthy()) == [unasked]
    assert reasons(RULE, evaluated([], eval_delay=6)) == ["evaluation was asked for after a delay"]
    ppo = "the loop of this trainer evaluates nothing"
    assert reasons(RULE, evaluated([], num_ppo_epochs=4)) == [ppo]
    # Resumed with evaluations, of which the state that resuming loads keeps the old interval, due or not.
    before = {"checkpoint-9/training_args.bin": arguments(eval_strategy="no")}
    data = everywhere(arguments(eval_strategy="steps", eval_steps=3)) | before
    edits = {path: {"/eval_steps": 3} for path in STATES}
    assert reasons(RULE, healthy(data=data, json_edits=edits)) == [APART]
    data = everywhere(arguments(eval_strategy="steps"))
    empty: dict[str, dict[str, object]] = {path: {"/log_history": []} for path in STATES}
    none = "no log_history with an interval of evaluation was read"
    assert reasons(RULE, healthy(data=data, json_edits=empty)) == [none]
