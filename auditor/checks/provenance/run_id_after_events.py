"""The job's id was made after the event file that the job is said to have written.

ULIDs (the ulid specification) and UUIDs of version 7 (RFC 9562, section 5.7) begin with the millisecond in which
they were made; the event file's name begins with the second (tensorboard 2.21.0,
summary/writer/event_file_writer.py). A job names its pod before
training starts, so the id in the host name must be older than the event file, and not by months.

Wrong when: the id in the host name is not that of the job, or the machine's clock was wrong.

Fix: say in the card which job wrote the file.

Bad:
    repository: seed
    # 01jtptcd84... in the host name was made at 1746670073
    events: name "tfevents.1746670545" -> "tfevents.1746660545"

Good:
    repository: seed
    # the machine waited for two days
    events: name "tfevents.1746670545" -> "tfevents.1746843345"
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from auditor.checks.provenance._event_names import event_names
from auditor.model import Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.NOTE

_ULID = re.compile(r"(?<![0-9a-z])([0-7][0-9a-hjkmnp-tv-z]{25})(?![0-9a-z])")
_UUID7 = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-f])"
)
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_BEGIN, _END = datetime(2016, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A stamp outside these years is no stamp: ULIDs were defined in 2016."""
CLOCK = timedelta(minutes=5)
"""Two machines' clocks may disagree by this much."""
LONGEST = timedelta(days=90)


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """Only ids that decode to a plausible year are believed."""
    stamped = [(found, made) for found in event_names(snapshot.files) if (made := made_at(found.host))]
    if not stamped:
        yield Skip("no host name of an event file holds an id with a time in it")
    for found, made in stamped:
        if not made - CLOCK <= found.written <= made + LONGEST:
            yield Problem(
                f"the id in the host name was made at {made:%Y-%m-%d %H:%M:%S} UTC, the event file at "
                f"{found.written:%Y-%m-%d %H:%M:%S} UTC",
                Location(found.path),
                expected="an id made shortly before the file",
                observed=f"{made:%Y-%m-%d %H:%M:%S} and {found.written:%Y-%m-%d %H:%M:%S}",
            )


def made_at(host: str) -> datetime | None:
    """The moment inside a ULID (10 characters, 48 bits of milliseconds) or a UUID of version 7 (48 bits)."""
    text = host.lower()
    ulid, uuid = _ULID.search(text), _UUID7.search(text)
    if ulid:
        milliseconds = 0
        for character in ulid.group(1)[:10]:
            milliseconds = milliseconds * 32 + _CROCKFORD.index(character)
    elif uuid:
        milliseconds = int(uuid.group(1) + uuid.group(2), 16)
    else:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(milliseconds, 2**43))
    return moment if _BEGIN <= moment <= _END else None
