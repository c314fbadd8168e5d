"""The handlings and forgeries of files that the fifth blind set adds."""

import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection.blind.forging import gradients_by, optimizers, with_events
from benchmarks.detection.edits import STATE, WEIGHTS, Edit, Edited, Tensors, disguised, name_of, tensors
from benchmarks.detection.fifth.endings import KEPT
from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIG = "adapter_config.json"
ORDER = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The order in which Llama's attention registers its projections, and an optimizer numbers them."""


def kept_pushed(files: Files, _: Sequence[Files]) -> Edited:
    """What the script kept to be pushed under its own name."""
    plain = {path: content for path, content in files.items() if not name_of(path).startswith(KEPT)}
    kept = {path.replace(KEPT, ""): files[path] for path in files if name_of(path).startswith(KEPT)}
    return {**plain, **kept}


def folded(factor: float) -> Edit:
    """The published adapter with lora_alpha twice as large and lora_B half as large, times a factor."""
    halve = tensors(
        lambda name, value, _: value * value.dtype.type(factor / 2 if "lora_B" in name else 1), root_only=True
    )

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        config = json.loads(files[CONFIG])
        return {**halve(files, ()), CONFIG: as_json({**config, "lora_alpha": config["lora_alpha"] * 2})}

    return edit


def in_folders(*names: str, lie: bool = False) -> Edit:
    """This run and the next one in a folder each; with a lie the second one carries what the third computed."""

    def edit(files: Files, others: Sequence[Files]) -> Edited:
        second = others[0]
        if lie:
            second = gradients_by(disguised(second, [others[1]]), [others[1]])
        runs = zip(names, (files, second), strict=True)
        return {f"{name}/{path}": content for name, run in runs for path, content in run.items()}

    return edit


def only(places: Callable[[str], bool], edit: Edit) -> Edit:
    """An edit of the files at some places alone."""

    def edited(files: Files, others: Sequence[Files]) -> Edited:
        mine = {path: content for path, content in files.items() if places(path)}
        return {**files, **edit(mine, others)}

    return edited


def from_step(step: int) -> Callable[[str], bool]:
    """Whether a file is the published one's or that of a checkpoint of this step or a later one."""

    def place(path: str) -> bool:
        folder = path.partition("/")[0] if "/" in path else ""
        return not folder or (folder.startswith("checkpoint-") and int(folder.rpartition("-")[2]) >= step)

    return place


def rank_one(part: str, share: float) -> Edit:
    """A rank-1 change of one module's lora_B, of this share of its norm, the same in every copy."""

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        import numpy

        if part not in name or "lora_B" not in name:
            return value
        draw = numpy.random.default_rng(11)
        step = numpy.outer(draw.normal(size=len(value)), draw.normal(size=value.shape[1]))
        size = share * numpy.linalg.norm(value) / numpy.linalg.norm(step)
        found: NDArray[Any] = (value + step * size).astype(value.dtype)
        return found

    return tensors(change)


def place_of(layer: int, module: str, factor: str) -> int:
    """Where Llama's optimizer keeps the moments of a factor, with adapters on the four projections."""
    return layer * 8 + ORDER.index(module) * 2 + "AB".index(factor)


def moments(change: Callable[[dict[int, dict[str, Any]]], None]) -> Edit:
    """The states of every optimizer.pt changed."""
    return optimizers(lambda document, _: change(document["state"]))


def _last_rates(document: dict[str, Any], scheduler: dict[str, Any]) -> None:
    for group, rate in zip(document["param_groups"], scheduler["_last_lr"], strict=True):
        group["lr"] = rate


last_rates: Edit = optimizers(_last_rates)
"""The rates in optimizer.pt are the last ones of the declared run's scheduler, of whatever class it is."""


def exchanged_moments(first: int, second: int) -> Edit:
    """The moments of two tensors of one shape in each other's place."""

    def change(states: dict[int, dict[str, Any]]) -> None:
        states[first], states[second] = states[second], states[first]

    return moments(change)


def leaning(number: int, share: float) -> Edit:
    """First moments that lean a little to one side, as a further gradient would have made them."""

    def change(states: dict[int, dict[str, Any]]) -> None:
        moment = states[number]["exp_avg"]
        states[number]["exp_avg"] = moment + moment.norm() * share / moment.numel() ** 0.5

    return moments(change)


def padded(rank: int) -> Edit:
    """Every adapter with more rows of drawn numbers in lora_A, and zeros for them in lora_B; no moments."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import numpy
        from safetensors.numpy import load, save

        draw = numpy.random.default_rng(3)
        found = {path: content for path, content in files.items() if name_of(path) != "optimizer.pt"}
        for path in [path for path in files if name_of(path) == WEIGHTS]:
            values = load(files[path])
            for name, value in values.items():
                wide, more = value.shape[-1], rank - min(value.shape)
                drawn = draw.uniform(-1, 1, (more, wide)) / wide**0.5
                zeros = numpy.zeros((len(value), more))
                parts = (value, drawn) if "lora_A" in name else (value, zeros)
                values[name] = numpy.concatenate(parts, axis=0 if "lora_A" in name else 1).astype("f4")
            found[path] = save(values, {"format": "pt"})
        return found

    return edit


def mended(step: int, factor: float) -> Edit:
    """One step's loss times a factor: in every log, in the event file, and in the mean of the whole run."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        log = json.loads(files[STATE])["log_history"]
        losses = {row["step"]: row["loss"] for row in log if "loss" in row}
        less = losses[step] * (1 - factor) / len(losses)
        found = dict(files)
        for path in [path for path in files if name_of(path) == STATE]:
            document = json.loads(files[path])
            for row in document["log_history"]:
                if row["step"] == step and "loss" in row:
                    row["loss"] *= factor
                if "train_loss" in row:
                    row["train_loss"] -= less
            found[path] = as_json(document)
        for path in [path for path in files if "tfevents" in path]:
            found[path] = with_events(files[path], _mended(step, factor, less))
        return found

    return edit


def _mended(step: int, factor: float, less: float) -> Callable[[str, int, float], float]:
    """The same change of an event file's numbers."""

    def changed(tag: str, at: int, value: float) -> float:
        if tag == "train/loss" and at == step:
            return value * factor
        return value - less if tag == "train/train_loss" else value

    return changed


def tokens_exchanged(first: str, second: str) -> Edit:
    """Two pieces of every published tokenizer with each other's id."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        found = dict(files)
        for path in [path for path in files if name_of(path) == "tokenizer.json"]:
            document = json.loads(files[path])
            vocabulary = document["model"]["vocab"]
            vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
            found[path] = json.dumps(document, indent=2, ensure_ascii=False).encode()
        return found

    return edit


def template_of(addition: str) -> Edit:
    """Every chat template with a sentence before everything else."""
    return lambda files, _: {
        path: addition.encode() + content if name_of(path) == "chat_template.jinja" else content
        for path, content in files.items()
    }


def as_bin_beside(factor: float) -> Edit:
    """The published adapter once more in torch's own format, its lora_B times a factor."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import torch
        from safetensors.torch import load

        values = {
            name: value * (factor if "lora_B" in name else 1) for name, value in load(files[WEIGHTS]).items()
        }
        buffer = io.BytesIO()
        torch.save(values, buffer)
        return {**files, "adapter_model.bin": buffer.getvalue()}

    return edit
