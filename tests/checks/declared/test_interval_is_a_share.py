from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "interval-is-a-share"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/train_model_parameters/save_steps"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(json_edits={CONFIG: {KEY: 1}})) == []
    assert found(RULE, seed()) == []  # -1 is the matter of negative-logging-steps


def test_fails_as_a_note_with_the_number_of_steps() -> None:
    # 18 steps (96 rows make 36 blocks, two a step): ceil(18 * 0.3) = ceil(5.4) = 6.
    assert found(RULE, healthy(json_edits={CONFIG: {KEY: 0.3}})) == [
        finding(
            RULE,
            NOTE,
            "save_steps is 0.3, a share of the run: every 6 of 18 steps",
            CONFIG,
            KEY,
            observed="0.3",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(without=[CONFIG])) == ["no declared training config was found"]
