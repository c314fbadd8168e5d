"""The words of the ledger: who says what about each hyperparameter, and what evidence makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What is known of a claim after the evidence has spoken."""

    VERIFIED = "verified"
    CONTRADICTED = "contradicted"
    UNVERIFIABLE = "unverifiable"
    STATED = "stated"


@dataclass(frozen=True, slots=True)
class Statement:
    """One source's value for one key: ``member`` is a JSON pointer or attribute, ``key`` the source's own spelling.

    ``role``: declared (what was asked for), effective (what the training code received), recorded (what a
    finished artifact shows), described (prose: the model card).
    """

    path: str
    member: str
    value: object
    role: str
    key: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one test of a claim says. ``id`` is the evidence module's name, stamped by the engine.

    ``outcome`` is VERIFIED, CONTRADICTED or UNVERIFIABLE; ``says`` one sentence for people; ``detail`` the
    arithmetic; ``value`` what the test derived (a number, a version range), for rules that build on it.
    """

    claim: str
    outcome: Status
    says: str
    detail: str = ""
    value: object = None
    id: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One hyperparameter with every source that speaks of it and every test that judged it."""

    key: str
    statements: tuple[Statement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    status: Status = Status.STATED
    why: str = ""

    def stated_by(self, role: str) -> Statement | None:
        """The first statement of a role, or None."""
        return next((statement for statement in self.statements if statement.role == role), None)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Releases of a library from ``low`` to ``high``, both inclusive, as dotted strings; None is open."""

    low: str | None
    high: str | None

    def __str__(self) -> str:
        if self.low and self.high:
            return self.low if self.low == self.high else f"{self.low} to {self.high}"
        return f"{self.low} or newer" if self.low else f"{self.high} or older" if self.high else "any"

    def at_least(self, version: str) -> bool:
        """True when every release in the range is ``version`` or newer."""
        return self.low is not None and version_key(self.low) >= version_key(version)

    def at_most(self, version: str) -> bool:
        """True when every release in the range is ``version`` or older."""
        return self.high is not None and version_key(self.high) <= version_key(version)

    def intersect(self, other: "VersionRange") -> "VersionRange | None":
        """The releases in both, or None when there are none."""
        low = max((v for v in (self.low, other.low) if v), key=version_key, default=None)
        high = min((v for v in (self.high, other.high) if v), key=version_key, default=None)
        if low and high and version_key(low) > version_key(high):
            return None
        return VersionRange(low, high)

    def __contains__(self, version: str) -> bool:
        key = version_key(version)
        return not (
            (self.low and key < version_key(self.low)) or (self.high and key > version_key(self.high))
        )


_DIGITS = 18
"""Digits read of one number of a version; dates (20261127) have eight."""


def version_key(version: str) -> tuple[int, ...]:
    """``4.51.3`` -> (4, 51, 3); a suffix (``.dev0``, ``rc1``, ``+cpu``) ends the numbers.

    Only the first digits of a number count: Python refuses to convert thousands of them.
    """
    numbers: list[int] = []
    for part in version.split("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits[:_DIGITS]))
        if digits != part:
            break
    return tuple(numbers + [0] * (3 - len(numbers)))


Claims = Mapping[str, Claim]
