from auditor.model import Snapshot
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, alone, rows, with_rows

RULE = "loss-below-zero"


def with_loss(value: float, **more: object) -> Snapshot:
    other = rows(ROOT_STATE)
    other[12] |= {"loss": value, **more}
    return alone(other, ROOT_STATE)


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, with_loss(-0.0)) == []
    assert found(RULE, with_loss(float("nan"))) == []


def test_fails() -> None:
    assert found(RULE, with_loss(-0.0002)) == [
        finding(
            RULE,
            WARNING,
            "the loss is below zero in 1 row, first -0.0002 at step 13",
            ROOT_STATE,
            "/log_history",
            expected="a cross entropy of at least 0",
            observed="-0.0002",
        )
    ]


def test_cannot_look_where_the_event_file_has_another_loss() -> None:
    other = rows(ROOT_STATE)
    other[12]["loss"] = -0.0002
    told = "the event file has other losses at those steps (events-differ-from-log-history)"
    assert reasons(RULE, with_rows(other, ROOT_STATE)) == [told]


def test_cannot_look_at_an_objective_that_may_be_negative() -> None:
    """GRPO, DPO and losses of one's own log keys of their own."""
    for key in ("kl", "rewards/chosen", "loss_control/retain", "completions/mean_length"):
        assert "the trainer has an objective of its own" in reasons(RULE, with_loss(-3.0, **{key: 1.0}))
    arguments = make_training_args({"seed": 1}, "trl.trainer.grpo_config.GRPOConfig")
    assert reasons(RULE, healthy(data={"checkpoint-9/training_args.bin": arguments})) == [
        "the trainer has an objective of its own"
    ]


def test_cannot_look_without_a_task() -> None:
    other = healthy(json_edits={"adapter_config.json": {"/task_type": None}})
    assert reasons(RULE, other) == ["the task is not known to be trained by a cross entropy"]
    assert reasons(RULE, seed()) == ["the task is not known to be trained by a cross entropy"]
