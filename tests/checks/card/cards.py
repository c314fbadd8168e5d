"""Cards with one thing changed."""

from auditor.model import Snapshot
from tests.builders.repositories import contents, healthy

CARD = "README.md"


def honest() -> str:
    """The text of the honest card."""
    return contents("tiny", "candidate")[0][CARD].decode()


def real() -> str:
    """The text of the real case's card, a copy of the base model's."""
    return contents("seed", "caost-test-2")[0][CARD].decode()


def with_card(text: str, **more: object) -> Snapshot:
    """The honest repository with another card at its root."""
    return healthy(text={CARD: text}, **more)


def replaced(old: str, new: str, **more: object) -> Snapshot:
    """The honest repository with one passage of its card replaced."""
    assert old in honest()
    return with_card(honest().replace(old, new), **more)


NO_CARD = "no README.md is in the repository"
CARDS = [f"{folder}README.md" for folder in ("", "checkpoint-9/", "checkpoint-18/")]


def without_cards() -> Snapshot:
    """The honest repository without any card."""
    return healthy(without=CARDS)
