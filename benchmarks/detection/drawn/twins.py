"""The falsified twin of a random run: the same files, and in them a training of which one setting was another."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from benchmarks.detection.blind.training import Training
from benchmarks.detection.edits import STATE, Edited, name_of, without
from benchmarks.detection.repository import Files, as_json

_TRAINED = ("adapter_model", "optimizer.pt", "rng_state")
_MEASURED = ("loss", "grad_norm", "train_loss", "eval_loss")


def twin(seed: int, number: int, run: Training) -> tuple[str, Training]:
    """What was changed, and the training that was done."""
    draw = Random(f"{seed}/{number}/twin")
    while True:
        kind, changes = draw.choice(_changes(run))
        if all(getattr(run, key) != value for key, value in changes.items()):
            return kind, replace(run, **changes)


def _changes(run: Training) -> list[tuple[str, dict[str, Any]]]:
    """Every lie that can be told of the run with the same numbers of steps and the same shapes."""
    found: list[tuple[str, dict[str, Any]]] = [
        ("rate x 1.3", {"rate": run.rate * 1.3}),
        ("rate / 2", {"rate": run.rate / 2}),
        ("seed", {"seed": run.seed + 1}),
        # rows that are grouped by length are not drawn by this seed
        *([] if "group_by_length" in run.more else [("order", {"data_seed": 99})]),
        ("dropout", {"dropout": 0.0 if run.dropout else 0.1}),
        ("alpha x 2", {"alpha": run.alpha * 2}),
        ("schedule", {"schedule": "cosine" if run.schedule == "constant" else "constant"}),
        ("one row", {"data": "row-changed"}),
        ("data", {"data": "other"}),
        ("base", {"base": "other"}),
        ("quantization", {"quantization": not run.quantization})
        if run.loaded_as == "float32"
        else ("seed", {"seed": run.seed + 2}),
        ("start", {"init": "gaussian" if run.init is True else True}),
    ]
    return found + _changes_of_some(run)


def _changes_of_some(run: Training) -> list[tuple[str, dict[str, Any]]]:
    """Those that change nothing, or cannot be told, of other runs."""
    found: list[tuple[str, dict[str, Any]]] = []
    if "warmup_steps" not in run.more and run.schedule not in ("constant", "inverse_sqrt"):
        found.append(("warm-up", {"warmup_steps": run.warmup_steps + 2}))
    if run.optim != "sgd":
        found.append(("weight decay", {"weight_decay": run.weight_decay + 0.1}))
    if "adam" in run.optim:
        found.append(("beta2", {"beta2": 0.9}))
    if run.clip:
        found.append(("clipping", {"clip": run.clip / 4}))
    if run.rank > 2:
        found.append(("rslora", {"rslora": not run.rslora}))
    if run.max_steps > 0:
        found.append(("accumulation", {"accumulation": run.accumulation + 1}))
    return found


def disguise(files: Files, others: Sequence[Files]) -> Edited:
    """What only training computes is the other training's; settings, rates and counters stay, events are left out."""
    real = others[0]
    found = dict(without("events.")(files, ()))
    for path, content in files.items():
        if path in real and name_of(path).startswith(_TRAINED):
            found[path] = real[path]
            if name_of(path) == "optimizer.pt":
                found[path] = _groups_of(content, real[path])
        elif name_of(path) == STATE:
            found[path] = _logged(content, real.get(path, real[STATE]), real[STATE])
    return found


def _groups_of(declared: bytes, real: bytes) -> bytes:
    """The moments of one optimizer.pt with the constants and rates of another."""
    import torch

    told, done = (torch.load(io.BytesIO(content), weights_only=True) for content in (declared, real))
    for group, said in zip(done["param_groups"], told["param_groups"], strict=True):
        group.update({key: value for key, value in said.items() if key != "params"})
    buffer = io.BytesIO()
    torch.save(done, buffer)
    return buffer.getvalue()


def _logged(declared: bytes, real: bytes, last: bytes) -> bytes:
    document, theirs = json.loads(declared), json.loads(real)
    rows: dict[tuple[int, str], Any] = {
        (row["step"], key): row[key]
        for log in (json.loads(last)["log_history"], theirs["log_history"])
        for row in log
        for key in _MEASURED
        if key in row
    }
    for row in document["log_history"]:
        row.update(
            {key: rows[row["step"], key] for key in _MEASURED if (row["step"], key) in rows and key in row}
        )
    if document.get("best_metric") is not None:
        document["best_metric"] = theirs["best_metric"]
    return as_json(document)
