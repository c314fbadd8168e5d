from tests.builders.example_edits import pickled
from tests.builders.pickles import make_optimizer, make_torch
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "optimizer-settings-differ"
EARLY, LATE = "checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt"


def with_setting(place: str, value: object, path: str = EARLY) -> dict[str, bytes]:
    """The honest optimizer with another setting of a group."""
    return {path: pickled(contents("tiny", "candidate")[0][path], f"param_groups/{place}", value)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_groups_with_their_own_decay_and_rate() -> None:
    """No decay for biases is the Trainer's own second group; its rate is held against the scheduler's."""
    grouped = {**with_setting("0/weight_decay", 0.01), **with_setting("0/weight_decay", 0.01, LATE)}
    assert found(RULE, healthy(data=grouped)) == []
    assert found(RULE, healthy(data=with_setting("0/lr", 0.5))) == []


def test_fails() -> None:
    assert found(RULE, healthy(data=with_setting("1/eps", 1e-6))) == [
        finding(
            RULE,
            WARNING,
            "group 1 of checkpoint-9/optimizer.pt differs from the run's other groups in eps",
            EARLY,
            "param_groups/1/eps",
            # torch's default and the run's adam_epsilon.
            expected="eps 1e-08",
            observed="eps 1e-06",
            evidence=("most groups, among them one of checkpoint-18/optimizer.pt, have eps 1e-08",),
        )
    ]


def test_fails_for_a_decay_that_the_other_checkpoint_does_not_have() -> None:
    (only,) = found(RULE, healthy(data=with_setting("0/weight_decay", 0.1)))
    assert only.at.member == "param_groups/0/weight_decay"


def test_fails_for_a_state_that_no_group_lists() -> None:
    (only,) = found(RULE, healthy(data=with_setting("0/params", list(range(27)), LATE)))
    assert (only.severity, only.message) == (
        ERROR,
        "checkpoint-18/optimizer.pt holds the state of 1 parameter that no group lists",
    )


def test_says_when_it_cannot_look() -> None:
    skip = "the run holds fewer than two groups of optimizer settings"
    assert reasons(RULE, seed()) == [skip]
    single = make_torch({"state": {}, "param_groups": [{"params": []}]})
    assert reasons(RULE, healthy(data={LATE: single}, without=[EARLY])) == [skip]
    assert found(RULE, healthy(data={LATE: make_optimizer([(2, 2)])}, without=[EARLY])) == []
