"""The tiny fixture as a committed run and as a rerun's output, with edits of bytes whose effect is known by hand."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.claims import Ledger, build
from auditor.engine._look import base_config
from auditor.model import Blob, RerunPlan, Snapshot, Span
from auditor.rerun.outputs import Output, Outputs, Part
from auditor.rerun.planning import plan as planning
from auditor.runs import Run, group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY, TINY_BASE, contents
from tests.builders.safetensors import entry, make_safetensors

Files = dict[str, bytes]
DATA = TINY / "data" / "train.jsonl"
WEIGHTS = (
    "adapter_model.safetensors",
    "checkpoint-9/adapter_model.safetensors",
    "checkpoint-18/adapter_model.safetensors",
)
OPTIMIZERS = ("checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt")
STATES = ("trainer_state.json", "checkpoint-9/trainer_state.json", "checkpoint-18/trainer_state.json")
ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
ENVIRONMENT = {"device": "cpu", "versions": {"transformers": "5.23.0", "peft": "0.21.2"}}


def committed() -> Files:
    """Every file of the fixture's candidate branch, by path."""
    return dict(contents("tiny", "candidate")[0])


def event_path() -> str:
    return next(path for path in committed() if "tfevents" in path)


def run_of(files: Mapping[str, bytes]) -> Run:
    return group(read(memory_snapshot("candidate", dict(files))), base_config(TINY_BASE))[0]


@cache
def plan_of_fixture(steps: int | None = None) -> RerunPlan:
    run = run_of(committed())
    return planning.build(run, build(run), TINY_BASE, DATA, steps, "auto" if steps is None else "prefix")


def ledger_of(files: Mapping[str, bytes]) -> Ledger:
    return build(run_of(files))


def output(files: Mapping[str, bytes], name: str = "rerun", says: str = "") -> Output:
    """What a training that made these files left, with the child's own record of its environment."""
    own = {"environment.json": json.dumps(ENVIRONMENT).encode()}
    own |= {f"init/{path}": files[path] for path in ADAPTER if path in files} | dict(files)
    return Output(name, (Part(Span(0, 18), read(memory_snapshot(name, own))),), says)


@cache
def varied() -> Output:
    """A variation whose effective update is 2e-5 away, and whose first moments are 1e-5 away: the floor."""
    files = scaled(committed(), 2e-5)
    for path in OPTIMIZERS:
        files[path] = moments(files[path], 1e-5)
    return output(files, "variation", "another instruction set")


def outputs(rerun: Mapping[str, bytes] | None = None, variation: Output | None = None) -> Outputs:
    """A rerun (the fixture itself unless given), a repeat with the same bits, and a variation."""
    files = committed() if rerun is None else rerun
    return Outputs(output(files), (output(files, "repeat-1", "the same settings"),), (variation or varied(),))


def with_tensors(
    data: bytes, edit: Callable[[str, NDArray[Any]], NDArray[Any]], dtype: str | None = None
) -> bytes:
    """A safetensors file with every tensor edited; ``dtype`` BF16 stores it in that type."""
    weights = _weights(data)
    arrays = {name: numpy.asarray(edit(name, weights.array(name).copy())) for name in weights.tensors}
    return make_safetensors({name: entry(array, dtype) for name, array in arrays.items()}, weights.metadata)


def arrays_of(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file by name, in its order."""
    weights = _weights(data)
    return {name: weights.array(name) for name in weights.tensors}


def _weights(data: bytes) -> AdapterWeights:
    return AdapterWeights.parse(Blob("x", len(data), lambda: io.BytesIO(data)))


def renamed(data: bytes, name_of: Callable[[str], str]) -> bytes:
    """A safetensors file whose tensors have other names."""
    weights = _weights(data)
    tensors = {name_of(name): entry(weights.array(name), None) for name in weights.tensors}
    return make_safetensors(tensors, weights.metadata)


def scaled(files: Files, share: float, paths: tuple[str, ...] = WEIGHTS) -> Files:
    """The files with lora_B times (1 + share): dW = scaling B A moves by exactly that share of itself."""

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return (array * numpy.float64(1 + share)).astype("f4") if "lora_B" in name else array

    return {**files, **{path: with_tensors(files[path], edit) for path in paths}}


def moments(data: bytes, share: float) -> bytes:
    """An optimizer.pt with every moment times (1 + share); the step counts are storages of four bytes."""

    def edit(name: str, content: bytes) -> bytes:
        if "/data/" not in name or len(content) <= 4:
            return content
        return (numpy.frombuffer(content, "<f4") * numpy.float64(1 + share)).astype("<f4").tobytes()

    return with_entries(data, edit)


def with_entries(data: bytes, edit: Callable[[str, bytes], bytes]) -> bytes:
    """A torch zip with every member edited."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, edit(name, old.read(name)))
    return made.getvalue()


def with_json(files: Files, path: str, edit: Callable[[dict[str, Any]], None]) -> Files:
    """The files with one JSON document edited in place."""
    document = json.loads(files[path])
    edit(document)
    return {**files, path: json.dumps(document, indent=2).encode()}


def with_log(files: Files, paths: tuple[str, ...], edit: Callable[[dict[str, Any]], None]) -> Files:
    """The files with every row of log_history edited."""

    def rows(document: dict[str, Any]) -> None:
        for row in document["log_history"]:
            edit(row)

    for path in paths:
        files = with_json(files, path, rows)
    return files


def without(files: Files, *names: str) -> Files:
    """The files but those of these names or in these folders."""
    return {
        path: data
        for path, data in files.items()
        if not any(n == path or n in path.split("/") for n in names)
    }


def snapshot(files: Files) -> Snapshot:
    return memory_snapshot("candidate", files)
