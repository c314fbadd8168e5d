"""The forgeries and handlings of files that the second blind set adds."""

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.detection.blind.edits import rows
from benchmarks.detection.edits import STATE, Edit, Edited, Tensors, name_of, tensors
from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


def part_scaled(part: str, factor: float, *, root_only: bool = False) -> Edit:
    """The lora_B whose name has a part times a factor, in every copy or in the published one."""

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        found: NDArray[Any] = value * value.dtype.type(factor if part in name and "lora_B" in name else 1)
        return found

    return tensors(change, root_only=root_only)


def optimizers(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Edit:
    """Every optimizer.pt changed, given the scheduler.pt beside it."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import torch

        found = dict(files)
        for path in [path for path in files if name_of(path) == "optimizer.pt"]:
            document = torch.load(io.BytesIO(files[path]), weights_only=True)
            beside = io.BytesIO(files[path.replace("optimizer.pt", "scheduler.pt")])
            change(document, torch.load(beside, weights_only=True))
            buffer = io.BytesIO()
            torch.save(document, buffer)
            found[path] = buffer.getvalue()
        return found

    return edit


def _declared_rates(document: dict[str, Any], scheduler: dict[str, Any]) -> None:
    for group, rate, first in zip(
        document["param_groups"], scheduler["_last_lr"], scheduler["base_lrs"], strict=True
    ):
        group.update({"lr": rate, "initial_lr": first})


def _smaller(document: dict[str, Any], _: dict[str, Any]) -> None:
    for state in document["state"].values():
        state["exp_avg"] = state["exp_avg"] * 0.9
        state["exp_avg_sq"] = state["exp_avg_sq"] * 0.81


rates_of_the_lie_hidden: Edit = optimizers(_declared_rates)
"""The rates in optimizer.pt are those of the declared run's scheduler."""
moments_scaled: Edit = optimizers(_smaller)
"""Moments as of gradients a tenth smaller, which are possible ones."""


def _training_row_alone(row: dict[str, Any]) -> None:
    if "eval_loss" in row:
        row.pop("loss", None)
        row.pop("grad_norm", None)


evaluations_apart: Edit = rows(_training_row_alone)
"""Rows of evaluations without what the disguise put into them."""


def evaluations_invented(files: Files, others: Sequence[Files]) -> Edited:
    """A row of an evaluation after every third step, in every copy of the log."""
    found = rows(lambda row: None)(files, others)
    for path in [path for path in found if name_of(path) == STATE]:
        document, log = json.loads(found[path]), []
        for row in document["log_history"]:
            log.append(row)
            if "loss" in row and row["step"] % 3 == 0:
                speed = {
                    "eval_runtime": 0.03,
                    "eval_samples_per_second": 260.1,
                    "eval_steps_per_second": 32.5,
                }
                log.append(
                    {"epoch": row["epoch"], "eval_loss": row["loss"] + 0.01, **speed, "step": row["step"]}
                )
        found[path] = as_json({**document, "log_history": log})
    return found


def best_at(step: int, architecture: str) -> Edit:
    """Every copy of the state says that the checkpoint of a step was the best."""
    said = {
        "best_model_checkpoint": f"trained/{architecture}/working/checkpoint-{step}",
        "best_global_step": step,
        "best_metric": 5.9,
    }

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        paths = [path for path in files if name_of(path) == STATE]
        return {**files, **{path: as_json({**json.loads(files[path]), **said}) for path in paths}}

    return edit


def more_flops(factor: float) -> Edit:
    """Every total_flos times a factor, in the log's last row as well."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        found = dict(files)
        for path in [path for path in files if name_of(path) == STATE]:
            document = json.loads(files[path])
            for values in (document, *document["log_history"]):
                if "total_flos" in values:
                    values["total_flos"] = float(int(values["total_flos"] * factor))
            found[path] = as_json(document)
        return found

    return edit


def gradients_by(files: Files, others: Sequence[Files]) -> Edited:
    """The gradient norms of another training, in every copy of the log."""
    theirs = {row["step"]: row for row in json.loads(others[0][STATE])["log_history"] if "loss" in row}

    def change(row: dict[str, Any]) -> None:
        if "grad_norm" in row:
            row["grad_norm"] = theirs[row["step"]]["grad_norm"]

    return rows(change)(files, ())


def lowered_with_events(factor: float) -> Edit:
    """Losses times a factor in every copy of the log and in the event file, whose checksums are right."""

    def change(row: dict[str, Any]) -> None:
        row.update({key: row[key] * factor for key in ("loss", "train_loss") if key in row})

    def lowered(tag: str, _: int, value: float) -> float:
        return value * factor if tag in ("train/loss", "train/train_loss") else value

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        events = {path: with_events(files[path], lowered) for path in files if "tfevents" in path}
        return {**rows(change)(files, ()), **events}

    return edit


def with_events(content: bytes, change: Callable[[str, int, float], float]) -> bytes:
    """An event file whose numbers are those of ``change`` (tag, step, value), its checksums right."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "events.out.tfevents.1"
        path.write_bytes(content)
        for raw in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(raw)
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    value.simple_value = change(value.tag, event.step, value.simple_value)
            writer.write(event.SerializeToString())
    return buffer.getvalue()


def cut_events(files: Files, _: Sequence[Files]) -> Edited:
    """The event file without its last 20 bytes, as a copy that was made too early."""
    return {path: content[:-20] if "tfevents" in path else content for path, content in files.items()}


def renamed(folder: str, name: str) -> Edit:
    """A folder under another name."""
    return lambda files, _: {
        name + path[len(folder) :] if path.startswith(folder + "/") else path: content
        for path, content in files.items()
    }


def states_of(folder: str, other: str, name: str) -> Edit:
    """A file of a folder in the place of that of another."""
    return lambda files, _: {**files, f"{other}/{name}": files[f"{folder}/{name}"]}
