"""The rerun from the command line to the exit code: an honest folder passes, a falsified one fails and is named."""

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import Blob
from auditor.sources.lfs import memory
from tests.builders.command import Done, audit
from tests.builders.repositories import contents
from tests.builders.safetensors import make_safetensors

pytestmark = pytest.mark.rerun
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of this file, so that the recipe is trained once."""
    return tmp_path_factory.mktemp("cache")


def folder(tmp_path: Path, **edits: bytes) -> Path:
    for name, data in {**contents("tiny", "candidate")[0], **edits}.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "model"


def rerun(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[Done, dict[str, Any]]:
    given = ("--base", "fixtures/tiny/base", "--data", "fixtures/tiny/data/train.jsonl")
    done = audit(capsys, "rerun", str(path), *given, "--format", "json")
    return done, json.loads(done.out)


def with_one_layer_zeroed(data: bytes) -> bytes:
    """Every lora_B of layer 1 set to zero, as if that layer had never been trained."""
    weights = AdapterWeights.parse(Blob(WEIGHTS, len(data), lambda: memory(data)))
    made = {}
    for name, info in weights.tensors.items():
        array = weights.array(name)
        kept = numpy.zeros_like(array) if ".layers.1." in name and "lora_B" in name else array
        made[name] = (info.dtype, info.shape, kept.astype("<f4").tobytes())
    return make_safetensors(made, dict(weights.metadata))


def test_an_honest_folder_exits_0(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(cache))
    done, report = rerun(capsys, folder(tmp_path))
    assert done.code == 0
    assert report["rerun"]["verdict"] in ("identical", "equivalent")
    assert [item["answer"] for item in report["answers"]] == ["yes", "yes", "yes"]
    assert "trained 3 times" in done.err


def test_a_zeroed_layer_exits_1_and_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(cache))
    forged = with_one_layer_zeroed(contents("tiny", "candidate")[0][WEIGHTS])
    done, report = rerun(capsys, folder(tmp_path, **{WEIGHTS: forged}))
    assert done.code == 1
    assert report["rerun"]["verdict"] == "diverged"
    parted = [item for item in report["rerun"]["aspects"] if item["verdict"] == "diverged"]
    assert {item["at"] for item in parted} == {WEIGHTS}
    assert ".layers.1." in report["rerun"]["first_divergence"]["module"]
    (finding,) = [item for item in report["findings"] if item["rule"] == "rerun-diverged"]
    assert finding["path"] == WEIGHTS
    assert {a["question"]: a["answer"] for a in report["answers"]}[
        "Did the declared recipe make these weights?"
    ] == "no"
