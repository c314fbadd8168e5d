"""Adapters that PEFT itself saves, against PEFT's own `get_delta_weight`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from auditor.sources import directory

pytestmark = pytest.mark.rerun


def train(model: Any, seed: int) -> None:
    """Moves both factors of every module away from their start."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)


def saved(folder: Path, seed: int, **settings: Any) -> tuple[dict[str, Any], AdapterWeights, AdapterConfig]:
    """A tiny model's adapter: its dense updates in float64, and what the readers see."""
    import torch
    from peft import LoraConfig, get_peft_model

    class Tiny(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(11, 6)
            self.conv = torch.nn.Conv2d(2, 3, 3)
            self.linear = torch.nn.Linear(6, 5)

    torch.manual_seed(seed)
    config = LoraConfig(target_modules=["embed", "conv", "linear"], **settings)
    model = get_peft_model(Tiny(), config)
    train(model, seed)
    deltas = {
        name: getattr(model.base_model.model, name).get_delta_weight("default").detach().double()
        for name in ("embed", "conv", "linear")
    }
    model.save_pretrained(folder)
    files = directory.snapshot(folder).files
    weights = AdapterWeights.parse(files["adapter_model.safetensors"])
    return deltas, weights, AdapterConfig.parse(files["adapter_config.json"])


def both(tmp_path: Path, one: dict[str, Any], two: dict[str, Any]) -> tuple[AdapterComparison, Any, Any]:
    base, head = saved(tmp_path / "base", 1, **one), saved(tmp_path / "head", 2, **two)
    return compare(*base[1:], *head[1:]), base[0], head[0]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"r": 4, "lora_alpha": 8}, {"r": 4, "lora_alpha": 8}),
        ({"r": 4, "lora_alpha": 8}, {"r": 2, "lora_alpha": 16, "use_rslora": True}),
        (
            {"r": 4, "rank_pattern": {"linear": 2}, "alpha_pattern": {"conv": 32}},
            {"r": 3, "lora_alpha": 3, "rank_pattern": {"embed": 5}},
        ),
    ],
)
def test_norms_and_distances_are_those_of_pefts_updates(
    tmp_path: Path, one: dict[str, Any], two: dict[str, Any]
) -> None:
    """PEFT forms its products in float32, so each number is right to about 1e-6."""
    found, base, head = both(tmp_path, one, two)
    assert found.relation == "different", found.why
    assert sorted(item.module for item in found.modules) == ["conv", "embed", "linear"]
    for item in found.modules:
        left, right = base[item.module], head[item.module]
        assert item.base_norm == pytest.approx(left.norm().item(), rel=1e-5)
        assert item.head_norm == pytest.approx(right.norm().item(), rel=1e-5)
        gap = (left - right).norm().item() / max(left.norm().item(), right.norm().item())
        assert item.relative_distance == pytest.approx(gap, rel=1e-5)
    norms = [sum(delta.norm().item() ** 2 for delta in side.values()) for side in (base, head)]
    gap = sum((base[name] - head[name]).norm().item() ** 2 for name in base)
    assert found.relative_distance == pytest.approx((gap / max(norms)) ** 0.5, rel=1e-5)


def test_names_of_dora_and_biases(tmp_path: Path) -> None:
    _, weights, _ = saved(tmp_path, 1, r=2, use_dora=True)
    pairs = weights.pairs()
    assert sorted(pairs) == ["conv", "embed", "linear"]
    assert all(pair.a and pair.b and pair.magnitude and pair.rank == 2 for pair in pairs.values())
    assert [name for name, pair in pairs.items() if pair.is_embedding] == ["embed"]
    assert weights.others() == ()


def fresh() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 4))


def dora_variants(folder: Path) -> None:
    """One DoRA adapter as PEFT saves it, the same in another basis, and with magnitudes a hundredth longer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file, save_file

    model = get_peft_model(fresh(), LoraConfig(target_modules=["0", "1"], r=3, use_dora=True))
    train(model, 1)
    matrix = torch.eye(3) * 3 + torch.randn(3, 3, generator=torch.Generator().manual_seed(2))
    changes: dict[str, dict[str, Callable[[Any], Any]]] = {
        "base": {},
        "turned": {"lora_A": lambda t: torch.linalg.solve(matrix, t), "lora_B": lambda t: t @ matrix},
        "longer": {"lora_magnitude_vector": lambda t: 1.01 * t},
    }
    for name, change in changes.items():
        model.save_pretrained(folder / name)
        path = folder / name / "adapter_model.safetensors"
        tensors = {
            key: next((f(t) for part, f in change.items() if part in key), t).contiguous()
            for key, t in load_file(path).items()
        }
        save_file(tensors, path)


@pytest.mark.parametrize(
    ("name", "relation", "alike"),
    [("base", "identical", True), ("turned", "equivalent", True), ("longer", "different", False)],
)
def test_what_peft_merges_from_dora_is_alike_where_the_relation_says_so(
    name: str, relation: str, alike: bool, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel

    dora_variants(tmp_path)
    merged, read = [], []
    for folder in (tmp_path / "base", tmp_path / name):
        whole = PeftModel.from_pretrained(fresh(), folder).merge_and_unload()
        merged.append(torch.cat([parameter.detach().reshape(-1) for parameter in whole.parameters()]))
        files = directory.snapshot(folder).files
        weights = AdapterWeights.parse(files["adapter_model.safetensors"])
        read.append((weights, AdapterConfig.parse(files["adapter_config.json"])))
    assert compare(*read[0], *read[1]).relation == relation
    assert torch.allclose(merged[0], merged[1], rtol=1e-5, atol=1e-6) == alike
