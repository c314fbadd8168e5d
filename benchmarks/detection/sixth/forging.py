"""The handlings and forgeries of files that the sixth blind set adds."""

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection.blind.edits import DECLARED
from benchmarks.detection.blind.forging import optimizers, with_events
from benchmarks.detection.edits import STATE, WEIGHTS, Edit, Edited, Tensors, name_of, tensors
from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


def only_checkpoint(folder: str) -> Edit:
    """A checkpoint's own files at the root, the card and the declaration, and nothing else."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        kept = {path: files[path] for path in ("README.md", DECLARED) if path in files}
        start = folder + "/"
        mine = {path.removeprefix(start): files[path] for path in files if path.startswith(start)}
        return {**mine, **kept}

    return edit


def weights_of(source: str, *places: str, part: str = "") -> Edit:
    """The tensors whose name has a part as a checkpoint has them, in the adapters of other folders ("" is the root)."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        paths = [f"{place}/{WEIGHTS}" if place else WEIGHTS for place in places]
        put = tensors(lambda name, value, theirs: theirs[name] if part in name else value)
        given = files[f"{source}/{WEIGHTS}"]
        made = put({path: files[path] for path in paths}, [dict.fromkeys(paths, given)])
        return {**files, **made}

    return edit


def between(place: str, first: str, second: str) -> Edit:
    """A checkpoint's adapter half way between those of two others."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        def half(name: str, value: "NDArray[Any]", theirs: Tensors) -> "NDArray[Any]":
            return (value + theirs[name]) / 2

        one, two = (files[f"{folder}/{WEIGHTS}"] for folder in (first, second))
        made = tensors(half)({WEIGHTS: one}, [{WEIGHTS: two}])[WEIGHTS]
        return {**files, f"{place}/{WEIGHTS}": made}

    return edit


def moments_mixed(share: float) -> Edit:
    """The moments of every optimizer.pt with a share of another training's."""

    def edit(files: Files, others: Sequence[Files]) -> Edited:
        import torch

        found = dict(files)
        for path in [path for path in files if name_of(path) == "optimizer.pt"]:
            mine, theirs = (
                torch.load(io.BytesIO(content), weights_only=True)
                for content in (files[path], others[0][path])
            )
            for number, state in mine["state"].items():
                for key in ("exp_avg", "exp_avg_sq"):
                    state[key] = state[key] * (1 - share) + theirs["state"][number][key] * share
            buffer = io.BytesIO()
            torch.save(mine, buffer)
            found[path] = buffer.getvalue()
        return found

    return edit


def constants_told(**values: object) -> Edit:
    """The groups of every optimizer.pt have these constants."""

    def change(document: dict[str, Any], _: dict[str, Any]) -> None:
        for group in document["param_groups"]:
            group.update(values)

    return optimizers(change)


def steps_exchanged(first: int, second: int) -> Edit:
    """The losses and gradient norms of two steps in each other's place, in every log and in the event file."""
    other = {first: second, second: first}

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        log = {row["step"]: row for row in json.loads(files[STATE])["log_history"] if "loss" in row}
        found = dict(files)
        for path in [path for path in files if name_of(path) == STATE]:
            document = json.loads(files[path])
            for row in document["log_history"]:
                if "loss" in row and row["step"] in other:
                    row.update({key: log[other[row["step"]]][key] for key in ("loss", "grad_norm")})
            found[path] = as_json(document)
        values = {
            (f"train/{key}", step): log[other[step]][key] for step in other for key in ("loss", "grad_norm")
        }
        for path in [path for path in files if "tfevents" in path]:
            found[path] = with_events(files[path], lambda tag, step, value: values.get((tag, step), value))
        return found

    return edit
