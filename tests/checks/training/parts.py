"""Edits of the honest run's states and event file."""

import json
from collections.abc import Mapping, Sequence
from functools import cache

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.blobs import blob
from tests.builders.events import make_events
from tests.builders.pickles import make_training_args
from tests.builders.repositories import contents, healthy

ROOT_STATE = "trainer_state.json"
STATE = "checkpoint-18/trainer_state.json"
EARLY = "checkpoint-9/trainer_state.json"
STATES = [ROOT_STATE, STATE, EARLY]
SCALER = "checkpoint-18/scaler.pt"
ARGUMENTS = "training_args.bin"
CONFIG = "cheetah-fine-tuning-config.json"
NO_RUN = "no adapter, checkpoint or trainer state was found"
NO_STATE = "no trainer_state.json is in the repository"


def edits(path: str, **values: object) -> dict[str, dict[str, object]]:
    """``json_edits`` for top-level keys of one file."""
    return {path: {f"/{key}": value for key, value in values.items()}}


def state(path: str = STATE, **values: object) -> Snapshot:
    """The honest repository with other top-level values in one state."""
    return healthy(json_edits=edits(path, **values))


def rows(path: str = STATE) -> list[dict[str, object]]:
    """The honest rows of log_history, to be changed."""
    found = json.loads(contents("tiny", "candidate")[0][path])["log_history"]
    assert isinstance(found, list)
    return found


def with_rows(history: Sequence[Mapping[str, object]], path: str = STATE) -> Snapshot:
    """The honest repository with another log_history in one state."""
    return state(path, log_history=list(history))


def alone(history: Sequence[Mapping[str, object]], path: str = STATE) -> Snapshot:
    """`with_rows` without the event file, which says otherwise where a number was changed."""
    return healthy(json_edits=edits(path, log_history=list(history)), without=[event_path()])


def arguments(**values: object) -> bytes:
    """The honest training arguments with other values, as a training_args.bin."""
    read, _ = contents("tiny", "candidate")
    known = TrainingArgs.parse(blob(read[ARGUMENTS], ARGUMENTS)).values
    plain = {key: value for key, value in known.items() if isinstance(value, bool | int | float | str | None)}
    return make_training_args({**plain, **values})


def everywhere(data: bytes) -> dict[str, bytes]:
    """One training_args.bin in every folder of the run, as one process writes it."""
    return {f"{folder}{ARGUMENTS}": data for folder in ("", "checkpoint-9/", "checkpoint-18/")}


@cache
def _events() -> EventLog:
    read, _ = contents("tiny", "candidate")
    path = next(path for path in read if "tfevents" in path)
    return EventLog.parse(blob(read[path], path))


def event_path() -> str:
    """Where the honest event file lies."""
    return _events().path


Points = list[tuple[int, float]]


def scalars() -> dict[str, Points]:
    """The honest scalars by tag, to be changed."""
    return {tag: [(point.step, point.value) for point in points] for tag, points in _events().scalars.items()}


def event_args() -> dict[str, object]:
    """The honest arguments in the event file, to be changed."""
    return dict(_events().args())


def events(
    series: Mapping[str, Sequence[tuple[int, float]]] | None = None,
    args: Mapping[str, object] | None = None,
    attempts: int = 1,
    wall_time: float = 1_768_467_607.0,
) -> bytes:
    """An event file with the honest content but for what is given."""
    text = json.dumps(dict(args if args is not None else event_args()))
    return make_events(
        series if series is not None else scalars(), {"args": [text] * attempts}, wall_time=wall_time
    )


def with_events(data: bytes, **more: object) -> Snapshot:
    """The honest repository with another event file in the place of its own."""
    return healthy(data={event_path(): data}, **more)


def nothing() -> Snapshot:
    """A repository without any file."""
    return memory_snapshot("none", {})


def stateless() -> Snapshot:
    """The honest repository without trainer_state.json."""
    return healthy(without=STATES)
