from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import arguments

RULE = "training-arguments-of-no-release"
OWN = "checkpoint-18/training_args.bin"
SFT = "trl.trainer.sft_config.SFTConfig"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_attributes_that_the_training_code_adds_or_removes() -> None:
    assert found(RULE, healthy(data={OWN: arguments(own_attribute=1)})) == []


def test_fails_for_a_field_that_was_dropped_before_another_came() -> None:
    # `evaluation_strategy` went with transformers 4.51.0, `activation_checkpointing` came with 5.23.0.
    assert found(RULE, healthy(data={OWN: arguments(evaluation_strategy="no")})) == [
        finding(
            RULE,
            NOTE,
            "no release of Transformers has both `evaluation_strategy` and `activation_checkpointing` in its training "
            "arguments",
            OWN,
            "evaluation_strategy",
            expected="the fields of one release",
            observed="`evaluation_strategy` (last in 4.50.3) and `activation_checkpointing` (first in 5.23.0)",
        )
    ]


def test_cannot_look_at_a_subclass() -> None:
    # TRL's configurations may bring a dropped field back.
    data = make_training_args({"evaluation_strategy": "no", "activation_checkpointing": None}, SFT)
    files = dict.fromkeys(("training_args.bin", "checkpoint-9/training_args.bin", OWN), data)
    assert f"the fields of {SFT} are not in the table" in reasons(RULE, healthy(data=files))


def test_cannot_look_without_the_file() -> None:
    assert all("training_args.bin" in reason for reason in reasons(RULE, seed()))
