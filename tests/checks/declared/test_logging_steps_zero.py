from tests.builders.repositories import DELETE, healthy
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, without_recipe
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "logging-steps-zero"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, declared(logging_steps=0, logging_strategy="epoch")) == []
    assert found(RULE, declared(logging_steps=False)) == []


def test_fails() -> None:
    assert found(RULE, declared(logging_steps=0)) == [
        finding(
            RULE,
            ERROR,
            'logging_steps is 0 and logging_strategy is "steps": TrainingArguments refuses 0 where it logs by steps',
            CONFIG,
            f"{TRAIN}/logging_steps",
            expected="a positive number of steps",
            observed="0",
        )
    ]


def test_fails_as_a_warning_without_a_strategy() -> None:
    (only,) = found(RULE, declared(logging_steps=0, logging_strategy=DELETE))
    assert only.severity is WARNING
    assert "no logging_strategy is declared" in only.message


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
