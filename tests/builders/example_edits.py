"""What the lines of an example do to one file: JSON, text, pickled states, tensors, event files."""

import fnmatch
import hashlib
import json
from typing import Any

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.errors import CannotRead
from auditor.model import Blob, Digest
from tests.builders.blobs import blob
from tests.builders.events import make_events
from tests.builders.pickles import Call, make_torch, make_training_args, named

GONE = object()


def unfetched(path: str, data: bytes) -> Blob:
    """The file as a Git LFS pointer whose content is on no disk here."""
    why = f"its content ({len(data):,} bytes) is in Git LFS and was not fetched to this machine"

    def refuse() -> Any:
        raise CannotRead(why, "unfetched")

    oid = Digest("sha256", hashlib.sha256(data).hexdigest())
    return Blob(path, len(data), refuse, object_id=oid, lfs=oid, absent=why)


def json_set(data: bytes, pointer: str, value: object) -> bytes:
    """A JSON document with one value set, added or (GONE) removed."""
    document = json.loads(data)
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
    target: Any = document
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target[part]
    key: Any = int(last) if isinstance(target, list) and last != "-" else last
    if value is GONE:
        del target[key]
    elif isinstance(target, list) and key == "-":
        target.append(value)
    else:
        target[key] = value
    return json.dumps(document, indent=2).encode()


def replaced(data: bytes, old: str, new: str) -> bytes:
    """A text with every occurrence of another text, which must be there."""
    if old.encode() not in data:
        raise ValueError(f"{old!r} does not occur")
    return data.replace(old.encode(), new.encode())


def pickled(data: bytes, name: str, value: object) -> bytes:
    """training_args.bin, or a state dict such as scheduler.pt, with another value of one attribute."""
    file = blob(data, "training_args.bin")
    try:
        known = TrainingArgs.parse(file)
    except CannotRead:
        return make_torch({**_state(data), name: value})
    kept = {k: v for k, v in known.values.items() if isinstance(v, bool | int | float | str | None)}
    return make_training_args({**kept, name: value}, cls=known.class_name)


def _state(data: bytes) -> dict[str, object]:
    from auditor.artifacts._pickle_values import plain
    from auditor.artifacts.pickle_archive import PickleArchive

    try:
        return dict(SchedulerState.parse(blob(data, "scheduler.pt")).raw)
    except CannotRead:
        found = plain(PickleArchive.parse(blob(data, "state.pt")).value)
        assert isinstance(found, dict)
        return found


def calling(name: str) -> bytes:
    """A torch file that calls a function when it is loaded."""
    return make_torch(Call(named(name), ("true",)))


def tensors(data: bytes, glob: str, change: str) -> bytes:
    """A safetensors file with the tensors that a glob names changed, one at least."""
    import numpy
    from safetensors.numpy import load, save

    arrays = load(data)
    names = fnmatch.filter(arrays, glob)
    if not names:
        raise ValueError(f"no tensor is called {glob}")
    for name in names:
        match change.split():
            case ["=", value]:
                arrays[name] = numpy.full_like(arrays[name], float(value))
            case ["*", factor]:
                arrays[name] = arrays[name] * numpy.float32(factor)
            case ["rows", count]:
                arrays[name] = numpy.resize(arrays[name], (int(count), *arrays[name].shape[1:]))
            case ["as", dtype]:
                arrays[name] = arrays[name].astype(dtype)
            case ["removed"]:
                del arrays[name]
            case _:
                raise ValueError(f"no change of tensors: {change}")
    made: bytes = save(arrays)
    return made


def scalar(data: bytes, tag: str, step: int, value: float) -> bytes:
    """An event file with another value of one scalar, or with a scalar more."""
    log = EventLog.parse(blob(data, "events.out.tfevents.1768467607.tiny-trainer.1.0"))
    series = {key: {point.step: point.value for point in points} for key, points in log.scalars.items()}
    series.setdefault(tag, {})[step] = value
    texts = {key.removesuffix("/text_summary"): items for key, items in log.texts.items()}
    points = {key: sorted(items.items()) for key, items in series.items()}
    return make_events(points, texts, wall_time=log.first_wall_time or 0.0)
