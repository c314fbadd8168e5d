"""Whole models compared: distances by hand, tied weights, holes, shapes; and which runs are full fine-tunes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy
import pytest

from auditor.claims import build
from auditor.model import Setting, Span
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.model_gap import model_gap
from auditor.rerun.planning import methods, spans
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.resume import why_not
from auditor.runs import Contents, Run, group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.safetensors import entry, make_safetensors

Tensors = Mapping[str, list[float]]
STATE = json.dumps({"global_step": 4, "max_steps": 4, "log_history": [], "epoch": 1.0}).encode()


def model(tensors: Tensors, dtype: str | None = None) -> bytes:
    arrays = {name: numpy.array(values, "<f4") for name, values in tensors.items()}
    return make_safetensors({name: entry(array, dtype) for name, array in arrays.items()}, {"format": "pt"})


def contents(files: Mapping[str, bytes]) -> Contents:
    return read(memory_snapshot("x", dict(files)))


def gap(theirs: bytes, ours: bytes, base: Tensors | None = None) -> Gap:
    one, two = contents({"model.safetensors": theirs}), contents({"model.safetensors": ours})
    start = contents({"model.safetensors": model(base)}) if base else None
    began = methods.model_files(start.folders[""]) if start else ()
    found = model_gap(Pair("", 4, one.folders[""], two.folders[""], one, began))
    assert found is not None
    return found


def test_equal_bits() -> None:
    found = gap(model({"a": [1, 2], "b": [math.nan]}), model({"a": [1, 2], "b": [math.nan]}))
    assert (found.same, found.distance, found.says) == (True, 0.0, "all 2 tensors are bit-equal")


def test_the_distance_is_that_of_the_updates() -> None:
    # theirs moved by (3, 4), |.| = 5; ours by (3, 0), |.| = 3; apart by 4: 4 / 5
    found = gap(model({"m.w": [103, 104]}), model({"m.w": [103, 100]}), {"m.w": [100, 100]})
    assert found.distance == pytest.approx(0.8)
    assert (found.tensor, found.module) == ("m.w", "m")


def test_without_a_base_the_weights_themselves_are_the_scale() -> None:
    # apart by 4, the longer one is |(3, 4)| = 5
    assert gap(model({"w": [3, 4]}), model({"w": [3, 0]})).distance == pytest.approx(0.8)


def test_weights_rounded_to_a_shorter_type_are_the_same_weights() -> None:
    # 1.0 + 2^-9 lies between the bfloat16 numbers 1.0 and 1.0 + 2^-7 and rounds to 1.0
    found = gap(model({"w": [1.0, 2.0]}, "BF16"), model({"w": [1.0 + 2.0**-9, 2.0]}), {"w": [0.5, 2.0]})
    assert found.distance == 0.0
    assert not found.same
    # half a spacing of 2^-7 of weights of length sqrt 5, against an update of length 0.5, on both sides
    assert found.coarse == pytest.approx(2 * 2.0**-8 * math.sqrt(5) / 0.5)


def test_a_tied_weight_stored_twice_is_no_difference() -> None:
    assert gap(model({"embed": [1, 2], "head": [1, 2]}), model({"embed": [1, 2]})).same
    extra = gap(model({"embed": [1, 2], "head": [1, 3]}), model({"embed": [1, 2]}))
    assert (extra.distance, extra.says) == (math.inf, "tensor head is committed and not made by the recipe")
    lost = gap(model({"embed": [1, 2]}), model({"embed": [1, 2], "head": [1, 3]}))
    assert lost.says == "tensor head is not committed"


def test_another_shape_and_a_hole() -> None:
    shape = gap(model({"w": [1, 2]}), model({"w": [1, 2, 3]}))
    assert shape.says == "w has shape [2], the recipe makes [3]"
    hole = gap(model({"w": [1, math.nan]}), model({"w": [1, 2]}))
    assert (hole.distance, hole.says) == (math.inf, "w holds NaN or infinity on one side")


def test_a_truncated_model_says_why() -> None:
    good = model({"w": [1, 2]})
    one, two = contents({"model.safetensors": good[:-3]}), contents({"model.safetensors": good})
    found = model_gap(Pair("", 4, one.folders.get("", two.folders[""]), two.folders[""], one))
    assert found is None or found.distance is None or found.same


def run_of(files: Mapping[str, bytes]) -> Run:
    return group(contents(files))[0]


FULL = {"model.safetensors": model({"w": [1, 2]}), "trainer_state.json": STATE}


def test_a_whole_model_beside_a_trainers_files_is_a_full_fine_tune() -> None:
    assert methods.is_full(run_of(FULL))
    assert not methods.is_full(run_of({**FULL, "adapter_config.json": b"{}"}))
    assert not methods.is_full(run_of({"trainer_state.json": STATE}))


def test_its_settings_have_no_adapter() -> None:
    run = run_of(FULL)
    known = methods.settled(run, {"r": Setting(8, "x"), "seed": Setting(1, "x")})
    assert set(known) == {"seed", "peft_type", "dtype"}
    assert known["peft_type"] == Setting(None, "model.safetensors is a whole model")
    assert known["dtype"] == Setting("float32", "model.safetensors is stored so")


def base_folder(tmp_path: Path, tensors: Tensors) -> Path:
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}')
    (tmp_path / "model.safetensors").write_bytes(model(tensors))
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_a_base_of_another_shape_is_named_before_training(tmp_path: Path) -> None:
    base = base_folder(tmp_path, {"w": [1, 2, 3]})
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    run = run_of(FULL)
    plan = planning.build(run, build(run), base, tmp_path / "rows.jsonl")
    assert plan.obstacles == ("w has shape [2] in model.safetensors, [3] in the base given",)
    assert plan.settings["trainer"].value == "reference"


def test_a_full_fine_tune_without_states_is_trained_from_the_start() -> None:
    files = {**FULL, "checkpoint-2/model.safetensors": FULL["model.safetensors"]}
    files["checkpoint-2/trainer_state.json"] = STATE.replace(b'"global_step": 4', b'"global_step": 2')
    run = run_of(files)
    assert [folder.step for folder in run.checkpoints] == [2]
    assert why_not(run, run.checkpoints[0]) == "checkpoint-2 has no readable optimizer.pt"
    assert spans.choose(run, 4, 2) == ("prefix", (Span(0, 2),))
