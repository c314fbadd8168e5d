"""Methods without a known update, and whole models: compared tensor by tensor, by NumPy's own norms."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy
import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.compare import _as_they_are
from auditor.compare.adapters import compare
from auditor.compare.models import compare_models
from auditor.compare.pairs import compare_adapters
from auditor.model import AdapterComparison
from auditor.runs import group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.blobs import blob
from tests.builders.safetensors import make_arrays

RANDOM = numpy.random.default_rng(0)
ONE = RANDOM.standard_normal((4, 6)).astype(numpy.float32)
TWO = RANDOM.standard_normal((4, 6)).astype(numpy.float32)
NAME = "base_model.model.q.ia3_l"
TYPES = "base/adapter_config.json is PROMPT_TUNING and head/adapter_config.json IA3"


def side(where: str, arrays: dict[str, Any], method: str = "IA3", **settings: object) -> Any:
    config = json.dumps({"peft_type": method, "target_modules": ["q"], **settings})
    return (
        AdapterWeights.parse(blob(make_arrays(arrays), f"{where}/adapter_model.safetensors")),
        AdapterConfig.parse(blob(config, f"{where}/adapter_config.json")),
    )


def against(one: Any, two: Any) -> AdapterComparison:
    return compare(*one, *two)


def test_equal_tensors_are_identical_whatever_else_the_file_says() -> None:
    found = against(
        side("base", {NAME: ONE}), side("head", {NAME: ONE}, inference_mode=True, task_type="SEQ_CLS")
    )
    assert (found.relation, found.relative_distance, found.cosine) == ("identical", 0.0, 1.0)


def test_different_tensors_by_their_norms() -> None:
    found = against(side("base", {NAME: ONE}), side("head", {NAME: TWO}))
    norms = float(numpy.linalg.norm(ONE)), float(numpy.linalg.norm(TWO))
    assert found.relation == "different"
    assert found.relative_distance == pytest.approx(
        float(numpy.linalg.norm(ONE - TWO)) / max(norms), rel=1e-6
    )
    assert found.cosine == pytest.approx(float(ONE.ravel() @ TWO.ravel()) / norms[0] / norms[1], rel=1e-5)
    (only,) = found.modules
    assert only.module == NAME
    assert only.base_norm == pytest.approx(norms[0], rel=1e-6)


def test_a_tensor_of_one_side_only_counts_in_full() -> None:
    found = against(side("base", {NAME: ONE}), side("head", {NAME: ONE, "more": TWO}))
    whole = math.hypot(float(numpy.linalg.norm(ONE)), float(numpy.linalg.norm(TWO)))
    assert found.relation == "different"
    assert found.relative_distance == pytest.approx(float(numpy.linalg.norm(TWO)) / whole, rel=1e-6)


def test_a_setting_that_acts_makes_equal_tensors_another_adapter() -> None:
    found = against(side("base", {NAME: ONE}, "LOHA", alpha=8), side("head", {NAME: ONE}, "LOHA", alpha=16))
    assert found.relation == "different"
    assert found.why == "the tensors are identical, and adapter_config.json differs in alpha"


@pytest.mark.parametrize(
    ("one", "two", "relation", "why"),
    [
        (
            side("base", {NAME: ONE}, "PROMPT_TUNING"),
            side("head", {NAME: ONE}),
            "not comparable",
            f"{TYPES}: methods change a model in ways that have no common measure",
        ),
        (
            side("base", {NAME: ONE}),
            side("head", {NAME: ONE[:2]}),
            "different",
            f"tensor '{NAME}' is [4, 6] on one side and [2, 6] on the other",
        ),
        (
            side("base", {NAME: ONE}),
            side("head", {NAME: ONE * numpy.float32("nan")}),
            "different",
            f"tensor '{NAME}' holds NaN or infinite values",
        ),
        (
            side("base", {NAME: ONE * numpy.float32("nan")}),
            side("head", {NAME: ONE * numpy.float32("nan")}),
            "identical",
            f"tensor '{NAME}' holds NaN or infinite values",
        ),
        (
            side("base", {NAME: numpy.array([1e200])}),
            side("head", {NAME: numpy.array([2e200])}),
            "different",
            f"tensor '{NAME}' holds numbers too large for their squares",
        ),
    ],
)
def test_what_cannot_be_measured_is_said(one: Any, two: Any, relation: str, why: str) -> None:
    found = against(one, two)
    assert (found.relation, found.why) == (relation, why)


def test_one_bad_tensor_does_not_hide_the_others() -> None:
    bad = ONE.copy()
    bad[0, 0] = numpy.nan
    found = against(side("base", {NAME: ONE, "good": TWO}), side("head", {NAME: bad, "good": TWO}))
    assert (found.relation, [item.module for item in found.modules]) == ("different", ["good"])
    assert [item.module for item in found.uncompared] == [NAME]
    assert found.relative_distance == 0


def test_a_shard_that_cannot_be_read_leaves_the_rest_compared() -> None:
    whole = (model("model.safetensors", a=ONE, b=TWO),)
    first, second = model("m-00001-of-00002.safetensors", a=ONE), model("m-00002-of-00002.safetensors", b=TWO)
    lost = replace(second, blob=blob(b"", second.path))
    found = compare_models(whole, (first, lost))
    assert (found.relation, found.why) == ("not comparable", "a weight file ends in the middle of tensor 'b'")
    assert [item.module for item in found.modules] == ["a"]


def test_what_is_odd_about_shards_is_said() -> None:
    whole = (model("model.safetensors", a=ONE, b=TWO),)
    first, second = (
        model("m-00001-of-00002.safetensors", a=ONE),
        model("m-00002-of-00002.safetensors", a=ONE, b=TWO),
    )
    found = compare_models(whole, (first, second))
    places = "m-00001-of-00002.safetensors and in m-00002-of-00002.safetensors"
    says = f"tensor 'a' is in {places}, and loaders differ in which they take"
    assert (found.relation, found.why) == ("identical", says)
    assert compare_models(whole, (first,)).why == (
        "tensor 'b' is on one side only, and shards of the other are not here; "
        "the shard 'm-00002-of-00002.safetensors' is missing"
    )


def sharded(lost: bool) -> dict[str, bytes]:
    """A model in two shards with its index; the second one is a pointer of Git LFS whose content is elsewhere."""
    first, second = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 99\n".encode()
    return {
        "trainer_state.json": b'{"global_step": 1}',
        first: make_arrays({"a": ONE}),
        second: pointer if lost else make_arrays({"b": TWO}),
        "model.safetensors.index.json": json.dumps({"weight_map": {"a": first, "b": second}}).encode(),
    }


def test_a_shard_that_was_not_fetched_is_not_taken_for_a_difference() -> None:
    one, two = (group(read(memory_snapshot("x", sharded(lost)))) for lost in (False, True))
    (found,) = compare_adapters(one, two)
    assert (found.relation, [item.module for item in found.modules]) == ("not comparable", ["a"])
    assert found.why == (
        "model-00002-of-00002.safetensors: its content (99 bytes) is in Git LFS and was not fetched to this machine"
    )
    assert found.relative_distance == 0


def model(name: str, **arrays: Any) -> ModelWeights:
    return ModelWeights.parse(blob(make_arrays(arrays), name))


def test_whole_models_are_compared_across_other_cuts() -> None:
    whole = (model("model.safetensors", a=ONE, b=TWO),)
    shards = (model("m-00001-of-00002.safetensors", a=ONE), model("m-00002-of-00002.safetensors", b=TWO))
    assert compare_models(whole, shards).relation == "identical"
    assert compare_models(whole, shards[:1]).relation == "not comparable"
    fewer = (model("model.safetensors", a=ONE),)
    assert compare_models(whole, fewer).relation == "different"


def test_models_too_large_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_as_they_are, "BYTE_LIMIT", 10)
    found = compare_models((model("model.safetensors", a=ONE),), (model("model.safetensors", a=TWO),))
    assert (found.relation, found.why) == (
        "not comparable",
        "the files have more than 0 GB, too much to compare here",
    )


def test_runs_of_full_fine_tunes_are_paired() -> None:
    def run(array: Any) -> Any:
        files = {"trainer_state.json": b'{"global_step": 1}', "model.safetensors": make_arrays({"a": array})}
        return group(read(memory_snapshot("x", files)))

    (found,) = compare_adapters(run(ONE), run(TWO))
    assert (found.head_path, found.relation) == ("model.safetensors", "different")
    (found,) = compare_adapters(run(ONE), run(ONE))
    assert found.relation == "identical"
    assert compare_adapters(group(read(memory_snapshot("x", {"trainer_state.json": b"{}"}))), run(ONE)) == ()
