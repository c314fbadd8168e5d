from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import STATE, edits, everywhere, state

RULE = "input-tokens-counted-unasked"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_trainers_that_count_by_themselves() -> None:
    """TRL's GRPOTrainer adds to the number itself (trl 0.17, trainer/grpo_trainer.py); seen in a public run."""
    values = {"include_num_input_tokens_seen": False}
    grpo = everywhere(make_training_args(values, cls="trl.trainer.grpo_config.GRPOConfig"))
    snapshot = healthy(json_edits=edits(STATE, num_input_tokens_seen=4096), data=grpo)
    assert reasons(RULE, snapshot) == ["tokens may have been counted"] * 3


def test_fails() -> None:
    assert found(RULE, state(num_input_tokens_seen=4096)) == [
        finding(
            RULE,
            WARNING,
            "4,096 input tokens are counted, and checkpoint-18/training_args.bin turns counting off",
            STATE,
            "/num_input_tokens_seen",
            expected="0",
            observed="4096",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    counted = everywhere(make_training_args({"include_num_input_tokens_seen": "all"}))
    assert reasons(RULE, healthy(data=counted)) == ["tokens may have been counted"] * 3
    assert reasons(RULE, seed()) == ["checkpoint-450/training_args.bin was not read: unfetched (and 1 more)"]
