from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, at, without_recipe
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "rejected-column-is-text-column"
COLUMN = f"{TRAIN}/column_mappings/rejected_text_column"


def under(trainer: str, column: str = "text") -> Snapshot:
    return at({"/trainer": trainer, COLUMN: column})


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, under("dpo", "rejected")) == []


def test_cannot_look_under_a_trainer_that_reads_no_rejected_answers() -> None:
    assert reasons(RULE, seed()) == ['trainer "sft" reads no rejected answers']


def test_fails_as_an_error_where_pairs_are_compared() -> None:
    assert found(RULE, under("dpo")) == [
        finding(
            RULE,
            ERROR,
            'rejected_text_column and text_column are both "text": trainer "dpo" would compare every answer with '
            "itself",
            CONFIG,
            COLUMN,
            expected="two different columns",
            observed='"text"',
        )
    ]


def test_fails_as_a_warning_under_a_trainer_nobody_knows() -> None:
    (only,) = found(RULE, under("mystery"))
    assert only.severity is WARNING


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
