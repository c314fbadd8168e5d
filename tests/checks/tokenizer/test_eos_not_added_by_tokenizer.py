from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "eos-not-added-by-tokenizer"
CONFIG = "tokenizer_config.json"
DECLARED = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/add_eos_token": True}})) == []


def test_passes_where_nothing_was_asked_for() -> None:
    edits: dict[str, dict[str, object]] = {
        CONFIG: {"/add_eos_token": False},
        DECLARED: {"/tokenizer_parameters/add_eos_token": False},
    }
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_under_a_trainer_that_leaves_it_to_the_tokenizer() -> None:
    assert found(RULE, seed(json_edits={DECLARED: {"/trainer": "default"}})) == [
        finding(
            RULE,
            NOTE,
            "add_eos_token is declared true, and the tokenizer does not add one",
            path,
            "/add_eos_token",
            expected="true, or texts that end in the token",
            observed="false",
        )
        for path in (CONFIG, f"checkpoint-450/{CONFIG}")
    ]


def test_cannot_look_under_a_trainer_that_ends_texts_itself() -> None:
    assert (
        reasons(RULE, seed())
        == ["under trainer sft the trainer ends each text itself, whatever the tokenizer does"] * 2
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["tokenizer_config.json has no add_eos_token"] * 3
    assert reasons(RULE, healthy(without=[DECLARED])) == ["no declared training config was found"]
