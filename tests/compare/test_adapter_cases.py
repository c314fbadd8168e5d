"""What happens to adapters, from the same numbers in another file to one NaN: the relation and the sentence of each."""

import json
import re
from pathlib import Path
from typing import Any

import numpy
import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from tests.builders import repos
from tests.builders.adapter_cases import CASES, LAYERS, MODULES, Arrays, Files, base, trained
from tests.builders.blobs import blob
from tests.builders.command import audit

NAN = "base_model.model.model.layers.2.mlp.up_proj.lora_B.weight"
FIRST = "model.layers.0.self_attn.q_proj"
HEAD = "head/adapter_model.safetensors"


def parsed(files: Files, side: str) -> tuple[AdapterWeights, AdapterConfig]:
    name = next(path for path in files if path.startswith("adapter_model"))
    return (
        AdapterWeights.parse(blob(files[name], f"{side}/{name}")),
        AdapterConfig.parse(blob(files["adapter_config.json"], f"{side}/adapter_config.json")),
    )


def found(case: str) -> AdapterComparison:
    return compare(*parsed(base(), "base"), *parsed(CASES[case](), "head"))


EXPECTED = {
    "same": ("identical", r"identical", None),
    "eps": (
        "different",
        r"different: relative distance 1\.4\de-06, cosine 1, most in model\.layers\.\S+ \(1\.\d+e-06\)",
        None,
    ),
    "rot": (
        "equivalent",
        r"equivalent: the same update from other factors \(relative distance \d\.\de-07\)",
        None,
    ),
    "other": (
        "different",
        r"different: relative distance 1\.\d+, cosine -?0\.0\d+, the head 0\.\d+ times as long, most in \S+ \(1\.\d+\)",
        None,
    ),
    "order": ("identical", r"identical", None),
    "nan": (
        "different",
        r"different: what could be measured is equal; 1 module not compared",
        f"tensor '{NAN}' in {HEAD} holds NaN or infinite values",
    ),
    "zeroB": (
        "different",
        r"different: relative distance 1, cosine 0, most in model\.layers\.\S+ \(1\)",
        "the head changes nothing: its update is zero in every module",
    ),
    "half": (
        "different",
        r"different: relative distance 0\.000\d+, cosine 1, most in model\.layers\.\S+ \(0\.000\d+\)",
        "every number of the head is the base's, rounded to F16",
    ),
    "r8": (
        "not comparable",
        r"not comparable; 28 modules not compared",
        f"{FIRST} has rank 8 in {HEAD} and 16 in head/adapter_config.json; 27 more modules are not compared",
    ),
    "missing": (
        "subset",
        r"subset: 18 of the 28 modules that the base updates are equal in the head, which has no update of the others",
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_relation_and_the_sentence(case: str) -> None:
    relation, sentence, why = EXPECTED[case]
    item = found(case)
    assert item.relation == relation
    assert re.fullmatch(sentence, item.sentence), item.sentence
    assert item.why == why


def dense(arrays: Arrays, scaling: float) -> dict[str, Any]:
    """Every update as a plain product in float64."""
    named = {
        module: [arrays.get(f"base_model.model.{module}.lora_{word}.weight") for word in "BA"]
        for module in MODULES
    }
    return {
        module: scaling * b.astype("f8") @ a.astype("f8")
        for module, (b, a) in named.items()
        if a is not None and b is not None
    }


@pytest.mark.parametrize(("case", "scaling"), [("eps", 2.0), ("other", 1.0), ("half", 2.0), ("missing", 2.0)])
def test_distances_are_those_of_the_dense_products(case: str, scaling: float) -> None:
    item = found(case)
    weights, _ = parsed(CASES[case](), "head")
    one = dense(trained(1), 2.0)
    two = dense({name: weights.array(name) for name in weights.tensors}, scaling)
    zero = {module: two.get(module, numpy.zeros_like(one[module])) for module in MODULES}
    gaps = {module: float(numpy.linalg.norm(one[module] - zero[module])) for module in MODULES}
    norms = [float(numpy.sqrt(sum(numpy.linalg.norm(u) ** 2 for u in side.values()))) for side in (one, zero)]
    whole = float(numpy.sqrt(sum(gap**2 for gap in gaps.values())))
    assert item.relative_distance == pytest.approx(whole / max(norms), rel=1e-9)
    for module in item.modules:
        longest = max(float(numpy.linalg.norm(side[module.module])) for side in (one, zero))
        assert module.relative_distance == pytest.approx(gaps[module.module] / longest, rel=1e-9)
    assert item.farthest is not None
    most = max(m.relative_distance for m in item.modules)
    assert item.farthest.relative_distance == most


def test_a_rotation_is_as_near_as_float32_rounds() -> None:
    """The dense products of the stored numbers differ by rounding alone; both ways of measuring agree on it."""
    weights, _ = parsed(CASES["rot"](), "head")
    one, two = dense(trained(1), 2.0), dense({n: weights.array(n) for n in weights.tensors}, 2.0)
    gap = float(numpy.sqrt(sum(numpy.linalg.norm(one[m] - two[m]) ** 2 for m in MODULES)))
    norm = float(numpy.sqrt(sum(numpy.linalg.norm(u) ** 2 for u in one.values())))
    assert found("rot").relative_distance == pytest.approx(gap / norm, rel=1e-6)
    assert gap / norm < 1e-6


def test_what_is_missing_is_listed_as_zero() -> None:
    item = found("missing")
    gone = [m.module for m in item.modules if not m.head_norm]
    assert gone == [m for m in MODULES if m.startswith(f"model.layers.{LAYERS - 1}.") or m.endswith("k_proj")]


@pytest.mark.parametrize(
    ("case", "code", "rules"),
    [
        ("same", 0, {"weights-only-as-pickle"}),
        ("rot", 0, set()),
        ("order", 0, set()),
        ("nan", 1, {"non-finite-weights"}),
        ("half", 0, set()),
        ("r8", 1, {"lora-rank-mismatch"}),
        ("zeroB", 1, {"untrained-layers"}),
        ("missing", 0, set()),
    ],
)
def test_the_command_says_the_same_and_its_findings_agree(
    case: str, code: int, rules: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repos.init(tmp_path / "r")
    start = repos.commit(path, "main", base())
    repos.commit(path, "branch", CASES[case](), (start,))
    done = audit(capsys, "compare", "main", "branch", "--repo", str(path), "--format", "json")
    report = json.loads(done.out)
    relation, _, _ = EXPECTED[case]
    adapter = report["runs"][0]["adapter"]
    assert adapter["relation"] == relation
    assert {f["rule"] for f in report["findings"] if f["state"] == "new"} == rules
    assert done.code == code
    if case == "nan":
        assert [item["module"] for item in adapter["uncompared"]] == ["model.layers.2.mlp.up_proj"]
        assert len(adapter["modules"]) == len(MODULES) - 1
    shown = audit(capsys, "compare", "main", "branch", "--repo", str(path)).out
    assert adapter["sentence"].split(":")[0] in shown
