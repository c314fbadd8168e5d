from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, real, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "benchmarks-of-base-model"
HEAD = "| Benchmark | Metric  | Gemma 3 PT 1B | Gemma 3 PT 4B | Gemma 3 PT 12B | Gemma 3 PT 27B |"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_table_with_the_adapter_in_it() -> None:
    own = HEAD.replace("Gemma 3 PT 27B", "Gemma 3 4B fine-tuned")
    assert HEAD in real()
    assert found(RULE, seed(text={CARD: real().replace(HEAD, own)})) == []


def test_passes_two_rows() -> None:
    short = "".join(line for line in real().splitlines(keepends=True) if not line.startswith("| PIQA"))
    assert found(RULE, seed(text={CARD: short})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "1 benchmark table shows the base model's family and not this adapter",
            CARD,
            expected="results of this adapter",
            observed=" ".join(HEAD.split()),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
