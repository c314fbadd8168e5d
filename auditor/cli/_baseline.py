"""Stored JSON reports: to be rendered again, or to say which findings are known."""

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.model import Finding, Report


LIMIT = 64 * 1024 * 1024
"""Largest report read, in bytes."""


def read_report(file: Path) -> "Report":
    """The report that a file holds. Raises UsageError when it is none."""
    from auditor.report._load import from_json

    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", "give a file that audit wrote"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not a report", "give a file written with --output json=FILE") from error
    if len(data) > LIMIT:
        raise UsageError(
            f"{file} is larger than any report ({LIMIT:,} bytes)", "give a file that audit wrote"
        )
    return from_json(text, str(file))


def findings_of(file: Path) -> "tuple[Finding, ...]":
    """What an earlier report holds as known: its findings, without those that were gone or only allowed for a time."""
    return tuple(
        finding
        for finding in read_report(file).findings
        if finding.state != "absent" and (finding.suppressed is None or not finding.suppressed.until)
    )
