from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, state, stateless

RULE = "total-flos-zero"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    assert found(RULE, state(total_flos=0)) == [
        finding(
            RULE,
            NOTE,
            "total_flos is 0 after 18 steps",
            STATE,
            "/total_flos",
            expected="6 x tokens x parameters",
            observed="0",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]


def test_passes_trainers_whose_batches_are_not_input_ids() -> None:
    """35 public states have 0: DPO, GRPO and reward models."""
    edits = {STATE: {"/total_flos": 0}}
    for name in ("dpo_config.DPOConfig", "grpo_config.GRPOConfig", "reward_config.RewardConfig"):
        data = {"checkpoint-18/training_args.bin": make_training_args({"seed": 1}, f"trl.trainer.{name}")}
        assert found(RULE, healthy(json_edits=edits, data=data)) == []
    reward = {f"{folder}adapter_config.json": {"/task_type": "SEQ_CLS"} for folder in ("", "checkpoint-18/")}
    assert found(RULE, healthy(json_edits=edits | reward)) == []
