"""What the trainer received and how the run began, as far as files tell."""

from collections.abc import Iterable, Iterator, Mapping

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import DECLARED, EFFECTIVE, Ledger, precision_of
from auditor.runs import Folder, Run

TRAIN = "train/"
"""Prefix of the Trainer's training scalars (transformers, integrations/integration_utils.py, rewrite_logs)."""


def arguments(run: Run, folder: Folder | None = None) -> Mapping[str, object]:
    """The training arguments: of the folder, else of the run, else of its last event file; empty when unknown."""
    own = folder.one(TrainingArgs) if folder else None
    found = own if own is not None else run.one(TrainingArgs)
    if found is not None:
        return found.values
    return next((log.args() for log in reversed(run.events) if log.args()), {})


APART = "the copies of the arguments differ (training-arguments-differ)"
"""Why a rule leaves arguments alone on which `copies_agree` is false."""


def copies_agree(run: Run, keys: Iterable[str]) -> bool:
    """Whether all training_args.bin of the run say the same of these keys; those of a resumed run need not."""
    first, *others = run.all(TrainingArgs) or (None,)
    return first is None or all(copy.get(key) == first.get(key) for key in keys for copy in others if copy)


def logs_with_scalars(run: Run) -> tuple[EventLog, ...]:
    """The event files inside the run's folder that hold training scalars; one record alone is an aborted start.

    A file elsewhere in the repository may be of another run, although it is listed with the only one there is.
    """
    return tuple(log for log in _own_logs(run) if any(_is_trained(tag) for tag in log.scalars))


def logs_of_evaluations(run: Run) -> tuple[EventLog, ...]:
    """Those that hold nothing but evaluations: the writer is closed when training ends, and ``evaluate`` after it
    opens another file (transformers 5.23.0, integrations/integration_utils.py, `on_train_end`)."""
    return tuple(log for log in _own_logs(run) if log.scalars and not any(map(_is_trained, log.scalars)))


def _own_logs(run: Run) -> Iterator[EventLog]:
    inside = f"{run.path}/" if run.path else ""
    return (log for log in run.events if log.path.startswith(inside))


def _is_trained(tag: str) -> bool:
    """The epoch is logged with every row, an evaluation's included."""
    return tag.startswith(TRAIN) and tag != f"{TRAIN}epoch"


def is_fp16(run: Run, ledger: Ledger) -> bool | None:
    """Whether fp16 mixed precision ran, by arguments, scaler.pt or the declaration; None when nothing says."""
    word = precision_of(arguments(run))
    if word is None and (run.all(ScalerState) or any(True for _ in run.blobs("scaler.pt"))):
        return True
    if word is None:
        value = ledger.value("mixed_precision", EFFECTIVE, DECLARED)
        word = value if isinstance(value, str) else None
    return None if word is None else word.lower() == "fp16"


def began_fresh(run: Run) -> bool:
    """Whether the only event file with scalars begins at the run's first interval, so nothing was resumed."""
    logs = logs_with_scalars(run)
    if len(logs) != 1 or logs[0].attempts > 1:
        return False
    first = min(
        point.step for tag, points in logs[0].scalars.items() if tag.startswith(TRAIN) for point in points
    )
    interval = arguments(run).get("logging_steps")
    return first <= (interval if isinstance(interval, int) and interval > 0 else 1)


def whole(value: object) -> int | None:
    """The value when it is an integer and no boolean."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
