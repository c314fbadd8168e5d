from tests.builders.repositories import healthy
from tests.checks.card.cards import CARD, honest
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-results-differ-from-log"
STATES = [f"checkpoint-{step}/trainer_state.json" for step in (9, 18)]
HEAD = "\n| Training Loss | Epoch | Step | Validation Loss | F1 Macro |\n|:-:|:-:|:-:|:-:|:-:|\n"
EVALUATED: dict[str, object] = {"/log_history/8/eval_loss": 2.34567, "/log_history/8/eval_f1_macro": 0.5}


def told(*rows: str, **more: object) -> object:
    text = honest() + HEAD + "".join(f"| {row} |\n" for row in rows) + "\nAfter.\n"
    return healthy(text={CARD: text}, json_edits=dict.fromkeys(STATES, EVALUATED), **more)


def test_passes_numbers_rounded_to_four_digits() -> None:
    # Row 8 of the tiny run's log is step 9; steps that no log has are not judged.
    snapshot = told("No log | 0.5 | 9 | 2.3457 | 0.5", "1.0 | 0.9 | 17 | 7.0 | 7.0")
    assert found(RULE, snapshot) == []  # type: ignore[arg-type]


def test_fails_for_another_loss() -> None:
    assert found(RULE, told("No log | 0.5 | 9 | 2.1 | 0.9")) == [  # type: ignore[arg-type]
        finding(
            RULE,
            WARNING,
            "2 numbers of the card's training results are not in the log, first Validation Loss 2.1 at step 9",
            CARD,
            "Validation Loss",
            expected="2.3457",
            observed="2.1",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    expected = ["the card has no table of training results, or no log holds evaluations"]
    assert reasons(RULE, healthy()) == expected
    assert (
        reasons(RULE, healthy(text={CARD: honest() + HEAD + "| No log | 1 | 9 | 2.0 | nan |\n"})) == expected
    )
