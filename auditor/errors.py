"""What can go wrong, as values with a sentence, a hint and an exit code (CLI.md, "Exit codes")."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Literal

    ReadState = Literal["unfetched", "unreadable", "mismatch"]


class AuditError(Exception):
    """Ends the command: one sentence, one hint, one exit code."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AuditError):
    """The user asked for something that cannot be asked (unknown ref, bad option, bad configuration)."""

    exit_code = 2


class IncompleteError(AuditError):
    """The audit could not look: interrupted, killed, no disk, a missing tool."""

    exit_code = 3


def extra(name: str) -> str:
    """The hint how to install an optional dependency group. No index holds this package under its name, so another
    project's would be installed by that name: the checkout says which one is meant.
    """
    return f"in the folder of auditor: pip install '.[{name}]'"


class CannotRead(Exception):  # noqa: N818 - a result of looking at somebody's file, not a defect of ours
    """One file cannot be read; the rest of the audit goes on.

    ``state`` is ``unfetched`` (the bytes are not on this machine), ``mismatch`` (bytes are here and are not the
    ones the pointer promises) or ``unreadable`` (the bytes are here and are not what the format demands).
    """

    def __init__(self, reason: str, state: ReadState = "unreadable") -> None:
        super().__init__(reason)
        self.reason = reason
        self.state: ReadState = state


class StoppedReading(CannotRead):
    """A limit of ours, or what no release writes, ended the reading of a pickle: what follows is not known."""
