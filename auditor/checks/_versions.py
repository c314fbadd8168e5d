"""Releases of a library that the ledger has proven."""

from auditor.claims import Ledger
from auditor.model import Status, VersionRange


def proven(ledger: Ledger, key: str) -> VersionRange | None:
    """The releases that all evidence about a version claim allows; None when none speaks or they conflict."""
    claim = ledger.get(key)
    spoken = [
        item.value
        for item in (claim.evidence if claim else ())
        if item.outcome is Status.VERIFIED and isinstance(item.value, VersionRange)
    ]
    span: VersionRange | None = spoken[0] if spoken else None
    for other in spoken[1:]:
        span = span.intersect(other) if span else None
    return span
