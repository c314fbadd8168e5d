"""Honest rewriting and forging of files, as the blind set needs them beside the benchmark's own edits."""

import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection.edits import STATE, WEIGHTS, Edit, Edited, Tensors, name_of, tensors
from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECLARED = "cheetah-fine-tuning-config.json"


def declared(section: str, **values: object) -> Edit:
    """The platform's declaration with these members of a section, so that it tells what was done."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        document = json.loads(files[DECLARED])
        document[section].update(values)
        return {**files, DECLARED: as_json(document)}

    return edit


def rows(change: Callable[[dict[str, Any]], object]) -> Edit:
    """The files with every row of every copy of the log changed, without the event file."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        found = {path: content for path, content in files.items() if "tfevents" not in path}
        for path in [path for path in found if name_of(path) == STATE]:
            document = json.loads(found[path])
            for row in document["log_history"]:
                change(row)
            found[path] = as_json(document)
        return found

    return edit


def rounded(digits: int) -> Edit:
    """Losses and gradient norms rounded, as old Trainers logged them."""

    def change(row: dict[str, Any]) -> None:
        row.update(
            {key: round(row[key], digits) for key in ("loss", "grad_norm", "train_loss") if key in row}
        )

    return rows(change)


def lowered(factor: float, digits: int) -> Edit:
    """Losses times a factor and rounded."""

    def change(row: dict[str, Any]) -> None:
        row.update({key: round(row[key] * factor, digits) for key in ("loss", "train_loss") if key in row})

    return rows(change)


def published_from(folder: str) -> Edit:
    """The adapter of a checkpoint in the place of the published one."""
    return lambda files, _: {**files, WEIGHTS: files[f"{folder}/{WEIGHTS}"]}


def mean_of(*folders: str) -> Edit:
    """The published adapter the mean of those of checkpoints."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        change = tensors(lambda name, value, theirs: (value + theirs[name]) / 2, root_only=True)
        first, second = (files[f"{folder}/{WEIGHTS}"] for folder in folders)
        return {**files, WEIGHTS: change({WEIGHTS: first}, [{WEIGHTS: second}])[WEIGHTS]}

    return edit


def mixed(share: float) -> Edit:
    """Every adapter mixed with the other training's of the same file."""
    return tensors(
        lambda name, value, theirs: (value * (1 - share) + theirs[name] * share).astype(value.dtype)
    )


def modules_exchanged(first: str, second: str) -> Edit:
    """The tensors of two modules in each other's place, in every copy."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        from safetensors.numpy import load

        found = dict(files)
        for path in [path for path in files if name_of(path) == WEIGHTS]:
            own = load(files[path])

            def change(name: str, value: "NDArray[Any]", _: Tensors, own: Tensors = own) -> "NDArray[Any]":
                theirs = name.replace(first, second) if first in name else name.replace(second, first)
                return own.get(theirs, value)

            found[path] = tensors(change)({path: files[path]}, ())[path]
        return found

    return edit


def one_number(part: str) -> Edit:
    """One number of one tensor a tenth of the tensor's largest further, in every copy."""

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        if part not in name:
            return value
        found = value.copy()
        found.flat[17] += abs(value).max() / 10
        return found

    return tensors(change)


def moments_anew(files: Files, _: Sequence[Files]) -> Edited:
    """Optimizer states of the right shapes, norms and step counts with invented moments."""
    import torch

    draw, found = torch.Generator().manual_seed(3), dict(files)
    for path in [path for path in files if name_of(path) == "optimizer.pt"]:
        document = torch.load(io.BytesIO(files[path]), weights_only=True)
        for state in document["state"].values():
            for key in ("exp_avg", "exp_avg_sq"):
                value = state[key]
                order = torch.randperm(value.numel(), generator=draw)
                state[key] = value.flatten()[order].reshape(value.shape).clone()
        buffer = io.BytesIO()
        torch.save(document, buffer)
        found[path] = buffer.getvalue()
    return found


def bfloat16(files: Files, _: Sequence[Files]) -> Edited:
    """The published adapter rounded to bfloat16."""
    import torch
    from safetensors.torch import load, save

    values = {name: value.to(torch.bfloat16) for name, value in load(files[WEIGHTS]).items()}
    return {**files, WEIGHTS: save(values, {"format": "pt"})}


def saved_again(version: str) -> Edit:
    """The published adapter as another release of peft writes it: its version, another order of keys and tensors."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        from safetensors.numpy import load, save

        config = json.loads(files["adapter_config.json"])
        config = dict(sorted({**config, "peft_version": version}.items()))
        values = dict(reversed(list(load(files[WEIGHTS]).items())))
        return {**files, WEIGHTS: save(values, {"format": "pt"}), "adapter_config.json": as_json(config)}

    return edit


def moved(folder: str) -> Edit:
    """Everything but the card below a folder."""
    return lambda files, _: {
        path if path == "README.md" else f"{folder}/{path}": content for path, content in files.items()
    }


def without_root(files: Files, _: Sequence[Files]) -> Edited:
    """Checkpoints, the card and the declaration alone."""
    return {
        path: content for path, content in files.items() if "/" in path or path in ("README.md", DECLARED)
    }


def logged_by(files: Files, others: Sequence[Files]) -> Edited:
    """The losses and gradient norms of another training's first steps, in every copy of the log."""
    theirs = {row["step"]: row for row in json.loads(others[0][STATE])["log_history"] if "loss" in row}

    def change(row: dict[str, Any]) -> None:
        row.update({key: theirs[row["step"]][key] for key in ("loss", "grad_norm") if key in row})

    return rows(change)(files, ())
