"""What rules yield and what the engine reports: severities, places, problems, findings."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """SARIF's levels, ordered."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """``note``, ``warning`` or ``error``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A path, and inside it a JSON pointer (``/peft/r``), a tensor name, or None for the whole file."""

    path: str
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.path}#{self.member}" if self.member else self.path


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found; the engine stamps the rule's id and severity on it.

    ``severity`` overrides the rule's SEVERITY when the same defect is graver or milder in this place; ``also_at``
    are further places of the same defect.
    """

    message: str
    at: Location
    expected: str | None = None
    observed: str | None = None
    evidence: tuple[str, ...] = ()
    fix: str | None = None
    severity: Severity | None = None
    also_at: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """What a rule yields when it cannot look: the reason, never a pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A rule that did not judge something, and why; ``where`` is the folder or run concerned."""

    rule: str
    reason: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A finding that a policy allows: ``until`` is an ISO date; reason and date are compulsory.

    A finding that a baseline holds has no date ("").
    """

    rule: str
    path: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with its rule; ``state`` is new, unchanged or absent in a comparison, else None."""

    rule: str
    severity: Severity
    message: str
    at: Location
    expected: str | None = None
    observed: str | None = None
    evidence: tuple[str, ...] = ()
    fix: str | None = None
    state: str | None = None
    suppressed: Suppression | None = None
    also_at: tuple[Location, ...] = ()
    """The same defect in other places (a checkpoint's copy of the same file), folded under this finding."""
    line: int | None = None
    """The line of the member in its file, from 1, where the file is a small text and the member was found in it."""

    @property
    def fingerprint(self) -> str:
        """Stable under line shifts: sha256 over rule, path and member, first 16 hex digits."""
        import hashlib

        text = "\n".join((self.rule, self.at.path, self.at.member or ""))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
