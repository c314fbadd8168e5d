"""An event file was not begun when its folder says the run began.

The folder carries the local time at which the training arguments were made, the file the UTC time at
which its writer started (transformers 4.51.3, training_args.py `default_logdir`; tensorboard 2.21.0).
The zone is not recorded, so everything between 14 hours before and a day and a half after is accepted;
more than that is another run's file.

Wrong when: the run was resumed into its old folder and the first event file was removed, or preparing
the data took more than a day.

Fix: put the event file back into its own folder, or say in the card which run it belongs to.

Bad:
    # 55 hours after Jan15_09-00-07
    events: name "tfevents.1768467607" -> "tfevents.1768667607"

Good:
    # six hours, as a time zone makes them
    events: name "tfevents.1768467607" -> "tfevents.1768489207"
"""

from collections.abc import Iterator
from datetime import timedelta

from auditor.checks.provenance._event_names import EARLIEST, LATEST, EventName, event_names
from auditor.model import Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.WARNING

SETUP = timedelta(hours=24)
"""Longest time allowed between making the arguments and starting the writer."""


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """Only the earliest file of a folder: later ones come from evaluation or a resumed run."""
    first: dict[str, EventName] = {}
    for found in event_names(snapshot.files):
        if found.folder_time is not None:
            kept = first.setdefault(found.folder, found)
            first[found.folder] = min(kept, found, key=lambda name: name.written)
    if not first:
        yield Skip("no event file lies in a folder that transformers named")
    for found in first.values():
        after = found.written - found.folder_time if found.folder_time else timedelta()
        if not EARLIEST <= after <= LATEST + SETUP:
            hours = after.total_seconds() / 3600
            yield Problem(
                f"the file was begun at {found.written:%Y-%m-%d %H:%M:%S} UTC, {abs(hours):,.0f} hours "
                f"{'after' if hours > 0 else 'before'} the stamp of its folder",
                Location(found.path),
                expected=f"about {found.folder_time:%b %d %H:%M:%S} in some time zone",
                observed=f"{found.written:%b %d %H:%M:%S} UTC",
            )
