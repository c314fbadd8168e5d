"""An event file names another host than the folder it lies in.

transformers names the folder `<stamp>_<host>` and TensorBoard's writer ends the file's name with the
host, both from `socket.gethostname()` of one process (transformers 4.51.3, training_args.py;
tensorboard 2.21.0, summary/writer/event_file_writer.py). Two names mean that the file was moved or the
folder renamed.

Wrong when: `logging_dir` was set by hand to a folder that only looks like the usual name.

Fix: put the event file back where it was written, or say in the card which run it belongs to.

Bad:
    # its folder is of tiny-trainer
    events: name "1768467607.tiny-trainer" -> "1768467607.other"

Good:
    # TensorBoard's writer puts a comment behind the host
    events: name "tiny-trainer/events" -> "tiny-trainer_lr-1e-3/events"
"""

from collections.abc import Iterator

from auditor.checks.provenance._event_names import event_names
from auditor.model import Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.WARNING


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """By path, fetched or not. A comment after the host is allowed, because SummaryWriter adds one."""
    named = [found for found in event_names(snapshot.files) if found.folder_host is not None]
    if not named:
        yield Skip("no event file lies in a folder that transformers named")
    for found in named:
        if found.folder_host is not None and not found.folder_host.startswith(found.host):
            yield Problem(
                f"the file was written on {found.host}, its folder on {found.folder_host}",
                Location(found.path),
                expected=found.folder_host,
                observed=found.host,
            )
