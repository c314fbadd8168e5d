"""What is done to a run's files before they are pushed: honest rewriting, and every kind of forgery.

An edit takes the files and those of the other trainings of its case, and gives new files.
"""

import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

Edited = dict[str, bytes]
Edit = Callable[[Files, Sequence[Files]], Edited]
Tensors = dict[str, "NDArray[Any]"]
WEIGHTS, STATE, ARGUMENTS = "adapter_model.safetensors", "trainer_state.json", "training_args.bin"
STATES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def without(*names: str) -> Edit:
    """The files but those whose name or folder has one of these beginnings."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        gone = [path for path in files if any(p.startswith(n) for p in (path, name_of(path)) for n in names)]
        return {path: content for path, content in files.items() if path not in gone}

    return edit


def taken(*names: str, below: str = "") -> Edit:
    """These files of the other training in the place of its own, all or those below a folder."""

    def edit(files: Files, others: Sequence[Files]) -> Edited:
        theirs = {
            path: content
            for path, content in others[0].items()
            if name_of(path).startswith(names)
            and path.startswith(below)
            and (path in files or "tfevents" in path)
        }
        events = any("tfevents" in path for path in theirs)
        kept = {path: content for path, content in files.items() if not (events and "tfevents" in path)}
        return {**kept, **theirs}

    return edit


def disguised(files: Files, others: Sequence[Files]) -> Edited:
    """The honest declared run's files with the weights, moments, generators and losses of the real training.

    Scheduler, learning rates, arguments and declarations are those of the lie; the event file is left out.
    """
    made = without("events.")(taken("adapter_model", "optimizer.pt", "rng_state")(files, others), ())
    return _logged(
        made, others[0], lambda row, real: row.update({k: real[k] for k in _MEASURED if k in real})
    )


_MEASURED = ("loss", "grad_norm", "train_loss")


def _logged(files: Files, real: Files, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Edited:
    """The files with each row of every log changed, given the real training's row of that step."""
    found = dict(files)
    for path in [path for path in files if name_of(path) == STATE]:
        rows = {
            row["step"]: row
            for row in json.loads(real.get(path, real[STATE]))["log_history"]
            if "loss" in row
        }
        last = json.loads(real[STATE])["log_history"][-1]
        document = json.loads(files[path])
        for row in document["log_history"]:
            change(row, last if "train_loss" in row else rows.get(row["step"], {}))
        found[path] = as_json(document)
    return found


def bare(files: Files, _: Sequence[Files]) -> Edited:
    """Adapter, configuration, log and declarations alone: no checkpoint, no state, no arguments, no events."""
    return without("checkpoint-", "events.", ARGUMENTS)(files, ())


def log(change: Callable[[dict[str, Any]], None], *, events: bool = False) -> Edit:
    """The files with each row of every log changed; events would tell the truth, so they are dropped."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        kept = files if events else without("events.")(files, ())
        return _logged(kept, kept, lambda row, _: change(row))

    return edit


def state(**values: object) -> Edit:
    """The files with these members of every trainer_state.json."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        paths = [path for path in files if name_of(path) == STATE]
        return {**files, **{path: as_json({**json.loads(files[path]), **values}) for path in paths}}

    return edit


def smoothed(files: Files, _: Sequence[Files]) -> Edited:
    """Each loss the mean of all until then, half and half with itself."""
    found = without("events.")(files, ())
    for path in [path for path in found if name_of(path) == STATE]:
        document, mean = json.loads(found[path]), 0.0
        for number, row in enumerate(row for row in document["log_history"] if "loss" in row):
            mean += (row["loss"] - mean) / (number + 1)
            row["loss"] = (row["loss"] + mean) / 2
        found[path] = as_json(document)
    return found


def invented_after(step: int) -> Edit:
    """The losses after a step are made up: a gentle decline."""

    def edit(files: Files, others: Sequence[Files]) -> Edited:
        real = {
            row["step"]: row["loss"] for row in json.loads(others[0][STATE])["log_history"] if "loss" in row
        }

        def change(row: dict[str, Any]) -> None:
            if "loss" in row and row["step"] > step:
                row["loss"] = real[step] * (1 - 0.004 * (row["step"] - step))

        return log(change)(files, ())

    return edit


def tensors(
    change: Callable[[str, "NDArray[Any]", Tensors], "NDArray[Any]"], *, root_only: bool = False
) -> Edit:
    """The files with every tensor of the adapters changed, given the other training's of the same file."""

    def edit(files: Files, others: Sequence[Files]) -> Edited:
        found = dict(files)
        for path in [path for path in files if name_of(path) == WEIGHTS and not (root_only and "/" in path)]:
            theirs = _load(others[0][path]) if others else {}
            changed = {name: change(name, value, theirs) for name, value in _load(files[path]).items()}
            found[path] = _save(changed)
        return found

    return edit


def _load(content: bytes) -> Tensors:
    from safetensors.numpy import load

    found: Tensors = load(content)
    return found


def _save(values: Tensors) -> bytes:
    import numpy
    from safetensors.numpy import save

    kept = {name: numpy.ascontiguousarray(value) for name, value in values.items()}
    content: bytes = save(kept, {"format": "pt"})
    return content


def noise(share: float, *, root_only: bool = False) -> Edit:
    """Gaussian noise of this size relative to each tensor."""
    import numpy

    draw = numpy.random.default_rng(1)

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        added = draw.normal(size=value.shape) * share * numpy.linalg.norm(value) / numpy.sqrt(value.size)
        found: NDArray[Any] = (value + added).astype(value.dtype)
        return found

    return tensors(change, root_only=root_only)


def scaled(factor: float, *, root_only: bool = False) -> Edit:
    """Every lora_B times a factor."""
    return tensors(
        lambda name, value, _: value * value.dtype.type(factor if "lora_B" in name else 1),
        root_only=root_only,
    )


def zeroed(part: str) -> Edit:
    """The lora_B whose name has a part set to zero, as if it had never been trained."""
    return tensors(lambda name, value, _: value * 0 if part in name and "lora_B" in name else value)


def replaced(part: str, *, root_only: bool = False) -> Edit:
    """The tensors whose name has a part taken from the other training."""
    return tensors(lambda name, value, theirs: theirs[name] if part in name else value, root_only=root_only)


averaged: Edit = tensors(lambda name, value, theirs: (value + theirs[name]) / 2, root_only=True)


def turned(*, root_only: bool = False) -> Edit:
    """Another basis of each adapter's rank: Q A and B Q^T, whose product is the same."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import numpy

        found = dict(files)
        for path in [path for path in files if name_of(path) == WEIGHTS and not (root_only and "/" in path)]:
            values = _load(files[path])
            for number, name in enumerate(sorted(name for name in values if "lora_A" in name)):
                a, b = values[name], values[name.replace("lora_A", "lora_B")]
                draw = numpy.random.default_rng(number).normal(size=(len(a), len(a)))
                q, _r = numpy.linalg.qr(draw)
                values[name] = (q @ a.astype("f8")).astype(a.dtype)
                values[name.replace("lora_A", "lora_B")] = (b.astype("f8") @ q.T).astype(b.dtype)
            found[path] = _save(values)
        return found

    return edit


def as_bin(files: Files, _: Sequence[Files]) -> Edited:
    """The published adapter in torch's own format."""
    import torch

    values = {name: torch.from_numpy(value.copy()) for name, value in _load(files[WEIGHTS]).items()}
    buffer = io.BytesIO()
    torch.save(values, buffer)
    return {
        **_but(files, WEIGHTS),
        "adapter_model.bin": buffer.getvalue(),
    }


def halved(files: Files, _: Sequence[Files]) -> Edited:
    """The published adapter rounded to float16."""
    values = {name: value.astype("f2") for name, value in _load(files[WEIGHTS]).items()}
    return {**files, WEIGHTS: _save(values)}


def _but(files: Files, path: str) -> Edited:
    return {key: value for key, value in files.items() if key != path}


def formatted(files: Files, _: Sequence[Files]) -> Edited:
    """Every JSON file with sorted keys on one line."""
    return {
        path: json.dumps(json.loads(content), sort_keys=True).encode() if path.endswith(".json") else content
        for path, content in files.items()
    }


def added(path: str, content: bytes) -> Edit:
    """The files and one more."""
    return lambda files, _: {**files, path: content}


def configured(**values: object) -> Edit:
    """The files with these members of every adapter_config.json."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        paths = [path for path in files if name_of(path) == "adapter_config.json"]
        return {**files, **{path: as_json({**json.loads(files[path]), **values}) for path in paths}}

    return edit


def exchanged(one: str, two: str) -> Edit:
    """The adapters of two checkpoints in each other's place."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        first, second = f"{one}/{WEIGHTS}", f"{two}/{WEIGHTS}"
        return {**files, first: files[second], second: files[first]}

    return edit
