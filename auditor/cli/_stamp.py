"""The time of the audit, for those who ask for it; reports are otherwise the same bytes for the same input."""

from dataclasses import replace
from datetime import UTC, datetime

from auditor.model import Report


def stamped(report: Report) -> Report:
    """The report with the current time, UTC, to the second."""
    return replace(report, stamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
