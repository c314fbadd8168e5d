from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, replaced, with_card, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "licence-missing"
LINE = "license: apache-2.0\n"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_with_a_file_of_its_own() -> None:
    assert found(RULE, replaced(LINE, "", data={"LICENSE": b"MIT"})) == []


def test_fails() -> None:
    assert found(RULE, replaced(LINE, "")) == [
        finding(
            RULE,
            WARNING,
            "no licence is stated, neither in the card nor in a file of its own",
            CARD,
            "license",
            expected="license: in the card, or a LICENSE file",
            observed="none",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == ["no card is beside the run's own adapter"]


def test_cannot_look_at_an_adapter_inside_a_project() -> None:
    page = with_card("# My project\n")
    assert reasons(RULE, page) == ["the adapter is a file inside a project, whose own pages say such things"]
