import pytest

from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import EARLY, ROOT_STATE, STATE, stateless

RULE = "control-flags-impossible"
POINTER = "/stateful_callbacks/TrainerControl/args"


def with_flag(flag: str, value: object, path: str = EARLY) -> dict[str, dict[str, object]]:
    return {path: {f"{POINTER}/{flag}": value}}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_final_state_that_keeps_the_flags_of_an_earlier_save() -> None:
    """Seen in a public run: saved by steps, the last save before the last step."""
    assert found(RULE, healthy(json_edits=with_flag("should_training_stop", False, ROOT_STATE))) == []


def test_passes_a_last_checkpoint_that_stopped_early() -> None:
    edits = {STATE: {"/max_steps": 54}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_for_a_stop_before_a_later_checkpoint() -> None:
    assert found(RULE, healthy(json_edits=with_flag("should_training_stop", True))) == [
        finding(
            RULE,
            WARNING,
            f"the flag should_training_stop of {EARLY} is not that of a checkpoint being saved at step 9",
            EARLY,
            f"{POINTER}/should_training_stop",
            expected="false",
            observed="true",
        )
    ]


def test_fails_for_going_on_at_the_end() -> None:
    (only,) = found(RULE, healthy(json_edits=with_flag("should_training_stop", False, STATE)))
    assert (only.expected, only.observed) == ("true", "false")


@pytest.mark.parametrize(
    ("flag", "value", "observed"),
    [
        ("should_save", False, "false"),
        ("should_log", True, "true"),
        ("should_evaluate", None, "null"),
        ("should_epoch_stop", DELETE, "is not there"),
    ],
)
def test_fails_for_flags_that_no_save_has(flag: str, value: object, observed: str) -> None:
    (only,) = found(RULE, healthy(json_edits=with_flag(flag, value)))
    assert (only.at.member, only.observed) == (f"{POINTER}/{flag}", observed)


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == ["no state of a checkpoint holds the flags of TrainerControl"]
