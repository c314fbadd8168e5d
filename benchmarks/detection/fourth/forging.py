"""The handlings and forgeries of files that the fourth blind set adds."""

import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection.blind.edits import rows
from benchmarks.detection.edits import STATE, WEIGHTS, Edit, Edited, Tensors, name_of, tensors
from benchmarks.detection.repository import Files, as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _rescaled(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
    factor = 2.0 if "lora_A" in name else 0.5 if "lora_B" in name else 1.0
    found: NDArray[Any] = value * value.dtype.type(factor)
    return found


rescaled: Edit = tensors(_rescaled, root_only=True)
"""The published lora_A twice and lora_B half as large: the same product to the bit."""


def through_bfloat16(files: Files, _: Sequence[Files]) -> Edited:
    """The published adapter rounded to bfloat16 and stored as float32 again."""
    import torch
    from safetensors.torch import load, save

    values = {name: value.to(torch.bfloat16).float() for name, value in load(files[WEIGHTS]).items()}
    return {**files, WEIGHTS: save(values, {"format": "pt"})}


def written_otherwise(files: Files, _: Sequence[Files]) -> Edited:
    """Every adapter as another writer leaves it: names sorted, indented header padded to 4096 bytes, no metadata."""
    from safetensors.numpy import load

    found = dict(files)
    for path in [path for path in files if name_of(path) == WEIGHTS]:
        values, header, data = load(files[path]), {}, b""
        for name in sorted(values):
            content = values[name].tobytes()
            header[name] = {
                "shape": list(values[name].shape),
                "data_offsets": [len(data), len(data) + len(content)],
                "dtype": {"float32": "F32", "float16": "F16"}[str(values[name].dtype)],
            }
            data += content
        text = json.dumps(header, indent=1).encode()
        text += b" " * (-(len(text) + 8) % 4096)
        found[path] = struct.pack("<Q", len(text)) + text + data
    return found


def noise_in(part: str, share: float) -> Edit:
    """Gaussian noise of this size relative to each tensor whose name has a part; the same in every copy."""

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        import numpy

        if part not in name:
            return value
        draw = numpy.random.default_rng(len(name)).normal(size=value.shape)
        found: NDArray[Any] = (
            value + draw * share * numpy.linalg.norm(value) / math.sqrt(value.size)
        ).astype("f4")
        return found

    return tensors(change)


def times(part: str, factor: float) -> Edit:
    """The tensors whose name has a part times a factor, in every copy."""
    return tensors(lambda name, value, _: value * value.dtype.type(factor if part in name else 1))


def token_edited(token: int) -> Edit:
    """The row of one token in every trained embedding a tenth larger, in every copy."""

    def change(name: str, value: "NDArray[Any]", _: Tensors) -> "NDArray[Any]":
        found = value.copy()
        if "embed_tokens" in name:
            found[token] *= 1.1
        return found

    return tensors(change)


def mixed_in(share: float) -> Edit:
    """The published adapter with a share of the other training's."""
    return tensors(
        lambda name, value, theirs: (value * (1 - share) + theirs[name] * share).astype(value.dtype),
        root_only=True,
    )


def _of_checkpoints(step: Callable[[Tensors, Tensors], Tensors], first: str, second: str) -> Edit:
    def edit(files: Files, _: Sequence[Files]) -> Edited:
        from safetensors.numpy import load, save

        one, two = (load(files[f"{folder}/{WEIGHTS}"]) for folder in (first, second))
        return {**files, WEIGHTS: save(step(one, two), {"format": "pt"})}

    return edit


def drawn_out(share: float, first: str, second: str) -> Edit:
    """The published adapter beyond the second checkpoint by a share of the way from the first to it."""
    return _of_checkpoints(
        lambda one, two: {
            name: two[name] + (two[name] - one[name]) * two[name].dtype.type(share) for name in two
        },
        first,
        second,
    )


def squeezed(factor: float) -> Edit:
    """Every adapter's product by its 4 largest singular values, times a factor, as a pair of rank 4; no moments."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import numpy
        from safetensors.numpy import load, save

        found = {path: content for path, content in files.items() if name_of(path) != "optimizer.pt"}
        for path in [path for path in files if name_of(path) == WEIGHTS]:
            values, made = load(files[path]), {}
            for name in [name for name in values if "lora_A" in name]:
                other = name.replace("lora_A", "lora_B")
                u, s, v = numpy.linalg.svd(values[other].astype("f8") @ values[name] * factor)
                made[name] = (numpy.sqrt(s[:4])[:, None] * v[:4]).astype("f4")
                made[other] = (u[:, :4] * numpy.sqrt(s[:4])).astype("f4")
            found[path] = save(made, {"format": "pt"})
        return found

    return edit


def optimizer_of(folder: str, change: Callable[[dict[str, Any]], None], source: str = "") -> Edit:
    """The optimizer.pt of a folder, or of another one in its place, changed."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        import torch

        document = torch.load(io.BytesIO(files[f"{source or folder}/optimizer.pt"]), weights_only=True)
        change(document)
        buffer = io.BytesIO()
        torch.save(document, buffer)
        return {**files, f"{folder}/optimizer.pt": buffer.getvalue()}

    return edit


def no_momentum(document: dict[str, Any]) -> None:
    """First moments of nothing."""
    for state in document["state"].values():
        state["exp_avg"] = state["exp_avg"] * 0


def counted(step: int, rate: float) -> Callable[[dict[str, Any]], None]:
    """The counters and the rate of a step."""

    def change(document: dict[str, Any]) -> None:
        import torch

        for state in document["state"].values():
            state["step"] = torch.tensor(float(step))
        for group in document["param_groups"]:
            group["lr"] = rate

    return change


def shifted(files: Files, _: Sequence[Files]) -> Edited:
    """Each step's loss and gradient norm those of the step after it, but the last one's; no event file."""
    log = {row["step"]: row for row in json.loads(files[STATE])["log_history"] if "loss" in row}

    def change(row: dict[str, Any]) -> None:
        if "loss" in row and row["step"] + 1 in log:
            row.update({key: log[row["step"] + 1][key] for key in ("loss", "grad_norm")})

    return rows(change)(files, ())


def thinned(*steps: int) -> Edit:
    """The log without some steps, in every copy; no event file."""

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        found = rows(lambda row: None)(files, ())
        for path in [path for path in found if name_of(path) == STATE]:
            document = json.loads(found[path])
            kept = [row for row in document["log_history"] if row["step"] not in steps or "train_loss" in row]
            found[path] = as_json({**document, "log_history": kept})
        return found

    return edit


def _better(row: dict[str, Any]) -> None:
    if "eval_loss" in row:
        row["eval_loss"] *= 0.98


evaluations_improved: Edit = rows(_better)
"""Every evaluation's loss 2 percent lower."""
