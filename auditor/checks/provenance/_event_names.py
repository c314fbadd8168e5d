"""What the path of an event file says: host, time of writing, and the run folder's own stamp."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FILE = re.compile(r"events\.out\.tfevents\.(\d{9,11})\.(.{1,255})", re.DOTALL)
_PROCESS = re.compile(r"(.+)\.\d{1,20}\.\d{1,20}(?:\.v2)?", re.DOTALL)
_FOLDER = re.compile(r"([A-Z][a-z]{2})(\d{2})_(\d{2})-(\d{2})-(\d{2})_(.{1,255})", re.DOTALL)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class EventName:
    """One event file by its path.

    ``written`` is the time in the file's name (UTC); ``folder_host`` and ``folder_time`` come from a folder
    that transformers named (training_args.py, `default_logdir`: local time without a year). ``folder_time``
    is the stamp read as UTC in the year that brings it nearest to ``written``; the zone is not known.
    """

    path: str
    host: str
    written: datetime
    folder: str
    folder_host: str | None = None
    folder_time: datetime | None = None


def event_names(paths: Iterable[str]) -> Iterator[EventName]:
    """Every event file among the paths, read or not."""
    for path in paths:
        parts = path.split("/")
        match = _FILE.fullmatch(parts[-1])
        if match is None:
            continue
        written = datetime.fromtimestamp(int(match.group(1)), UTC)
        named = next((found for part in reversed(parts[:-1]) if (found := _FOLDER.fullmatch(part))), None)
        yield EventName(
            path,
            _host(match.group(2)),
            written,
            "/".join(parts[:-1]),
            named.group(6) if named else None,
            _stamp(named, written) if named else None,
        )


def _host(tail: str) -> str:
    """tensorboard appends ``.<pid>.<number>`` to the host, tensorboardX does not."""
    process = None if _ADDRESS.fullmatch(tail) else _PROCESS.fullmatch(tail)
    return process.group(1) if process else tail


def _stamp(match: re.Match[str], written: datetime) -> datetime | None:
    month, day, hour, minute, second = match.groups()[:5]
    if month not in _MONTHS:
        return None
    found: list[datetime] = []
    for year in (written.year - 1, written.year, written.year + 1):
        try:
            found.append(
                datetime(
                    year, _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
                )
            )
        except ValueError:
            continue
    return min(found, key=lambda moment: abs(moment - written), default=None)


EARLIEST = timedelta(hours=-14)
"""A folder stamped in the zone UTC+14 reads 14 hours later than the file that was written at once."""
LATEST = timedelta(hours=12)
"""A folder stamped in the zone UTC-12 reads 12 hours earlier."""
