"""What the user asked of an inspection."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NOT_ASKED = "the values of the tensors were not read (--no-numbers)"
"""Why a number is missing that nobody asked for."""
Progress = Callable[[int, int, str], None]
"""Work done, work in all (bytes, or seeds), and what is being done in two or three words."""


def silent(done: int, total: int, what: str) -> None:
    """The progress of those who do not look."""


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """``numbers`` is False when no value of a tensor is to be read.

    ``base`` is the folder of the base model, whose config.json tells which modules there are and in which order.
    ``seed`` is one to be tried instead of the declared one, ``recover`` the first and the last of a range to search.
    """

    numbers: bool = True
    seed: int | None = None
    recover: tuple[int, int] | None = None
    progress: Progress = silent
    base: Path | None = None
