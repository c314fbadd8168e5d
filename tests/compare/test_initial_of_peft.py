"""Seeds of adapters that torch and PEFT draw, on tiny random models of several families."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auditor.architectures._structure import structures
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.compare.initial import Limits, SeedProof, prove_seed, recover_seed
from auditor.compare.initial._draws import Draws
from auditor.compare.initial._order import likely_order
from auditor.compare.initial._search import _firsts
from auditor.sources import directory
from tests.architectures import library
from tests.architectures.cases import CASES

TINY_BASE = Path(__file__).parents[2] / "fixtures" / "tiny" / "base"

pytestmark = [
    pytest.mark.rerun,
    # transformers warns about its own names, peft about embeddings it saves and about biases it takes for shards.
    pytest.mark.filterwarnings("ignore"),
]
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FEW = Limits(window=1 << 16)


def base(case: str = "llama") -> Any:
    """A random model of the class and configuration of an architecture case, on the CPU."""
    import torch
    import transformers

    cls, raw = CASES[case]
    torch.manual_seed(0)
    return getattr(transformers, cls)(transformers.AutoConfig.for_model(**raw))


def wrapped(model: Any, seed: int, **settings: Any) -> Any:
    """The model with an adapter drawn right after the seed."""
    import peft
    import transformers

    transformers.set_seed(seed)
    return peft.get_peft_model(model, peft.LoraConfig(**{"r": 4, "target_modules": list(LINEAR), **settings}))


def read(model: Any, folder: Path) -> tuple[AdapterWeights, AdapterConfig]:
    model.save_pretrained(folder)
    files = directory.snapshot(folder).files
    weights = AdapterWeights.parse(files["adapter_model.safetensors"])
    return weights, AdapterConfig.parse(files["adapter_config.json"])


def proof_of(model: Any, folder: Path, seed: int) -> SeedProof:
    return prove_seed(*read(model, folder), seed, limits=FEW)


@pytest.mark.parametrize(
    ("settings", "modules"),
    [
        ({}, 14),
        ({"init_lora_weights": False}, 14),
        ({"init_lora_weights": "gaussian"}, 14),
        ({"init_lora_weights": "gaussian", "r": 3}, 14),
        ({"use_rslora": True, "lora_dropout": 0.1}, 14),
        ({"use_dora": True}, 14),
        ({"lora_bias": True}, 14),
        ({"rank_pattern": {"q_proj": 7}}, 14),
        ({"target_modules": ["embed_tokens", "q_proj", "lm_head"]}, 4),
        ({"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]}, 2),
    ],
)
def test_every_way_to_begin_is_replayed(settings: dict[str, Any], modules: int, tmp_path: Path) -> None:
    if settings.get("lora_bias"):
        settings = {**settings, "target_modules": list(LINEAR)}
        model = base("llama, biases")
    else:
        model = base()
    weights, config = read(wrapped(model, 42, **settings), tmp_path)
    proof = prove_seed(weights, config, 42, limits=FEW)
    assert proof.says == f"seed 42 proved on {modules} of {modules} untrained modules"
    assert prove_seed(weights, config, 43, limits=FEW).verdict in ("unreached", "inconclusive")
    assert recover_seed(weights, config, seeds=range(30, 50)).seed == 42


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_adapters_of_sixteen_bits_were_drawn_in_float32(dtype: str, tmp_path: Path) -> None:
    import torch

    half = base().to(getattr(torch, dtype))
    kept = wrapped(half, 7).to(getattr(torch, dtype))
    weights, config = read(kept, tmp_path)
    assert {info.dtype for info in weights.tensors.values()} == {"BF16" if dtype == "bfloat16" else "F16"}
    assert prove_seed(weights, config, 7, limits=FEW).says == "seed 7 proved on 14 of 14 untrained modules"


@pytest.mark.parametrize(
    ("case", "targets", "modules"),
    [
        (
            "gemma3",
            (*LINEAR, "out_proj", "fc1", "fc2", "lm_head", "patch_embedding", "position_embedding"),
            None,
        ),
        ("qwen2", LINEAR, 14),
        ("phi3", ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"), 8),
        ("gpt2", ("c_attn", "c_proj", "c_fc"), 8),
        ("t5", ("q", "k", "v", "o", "wi", "wo"), None),
        ("opt", ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"), 12),
        ("roberta, sequence", ("query", "key", "value", "dense"), None),
    ],
)
def test_every_family_is_followed_in_its_own_order(
    case: str, targets: tuple[str, ...], modules: int | None, tmp_path: Path
) -> None:
    settings: Mapping[str, Any] = {"fan_in_fan_out": True} if case == "gpt2" else {}
    weights, config = read(wrapped(base(case), 42, target_modules=list(targets), **settings), tmp_path)
    count = len(weights.pairs())
    assert modules in (None, count)
    proof = prove_seed(weights, config, 42, limits=FEW)
    assert proof.says == f"seed 42 proved on {count} of {count} untrained modules"


HEADS_FIRST = ("xlm-roberta, token", "xlm-roberta, sequence")
"""Heads that the class registers before its trunk: found by the search's second round."""


@pytest.mark.parametrize("with_structure", [True, False])
def test_the_first_module_of_every_family_is_among_those_searched_first(with_structure: bool) -> None:
    for case, (cls, raw) in CASES.items():
        names = [row[0] for row in linears(library.built(raw, cls))]
        weights = cast(AdapterWeights, SimpleNamespace(format="safetensors"))
        nothing = TensorInfo("", "F32", (1, 1), 0, 4)
        found = {name: Draws(name, nothing, nothing, "uniform", 1.0, 2, 3) for name in sorted(names)}
        structure = structures(BaseConfig.of("config.json", {"architectures": [cls], **raw}))
        assert not isinstance(structure, str)
        order = [d.module for d in likely_order(found, weights, structure[-1] if with_structure else None)]
        if with_structure and case not in HEADS_FIRST:
            assert order == names, case
        assert names[0] in [d.module for d in _firsts(tuple(found[name] for name in order))], case


def linears(model: Any) -> list[tuple[str, Any]]:
    """Every linear module in the order of ``named_modules``, which is PEFT's."""
    import torch
    from transformers.pytorch_utils import Conv1D

    return [
        (name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.Linear | Conv1D)
    ]


def test_a_seed_set_after_the_model_was_wrapped_does_not_reach_the_adapter(tmp_path: Path) -> None:
    import transformers

    model = wrapped(base(), 1_234_567)
    transformers.set_seed(42)
    proof = proof_of(model, tmp_path, 42)
    assert (proof.verdict, proof.other) == ("unreached", None)
    assert proof.says.startswith(
        "seed 42 does not reach the adapter: 14 modules still hold their initial values"
    )


def test_numbers_that_a_script_draws_in_between_are_found(tmp_path: Path) -> None:
    import peft
    import torch
    import transformers

    model = base()
    transformers.set_seed(42)
    torch.rand(1000)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=list(LINEAR)))
    proof = proof_of(model, tmp_path, 42)
    assert (proof.verdict, proof.proved, proof.drawn_before) == ("proved", 14, 1000)


def test_loading_a_model_draws_nothing(tmp_path: Path) -> None:
    import peft
    import transformers

    transformers.set_seed(42)
    model = transformers.AutoModelForImageTextToText.from_pretrained(TINY_BASE)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj", "fc1"]))
    proof = proof_of(model, tmp_path, 42)
    assert (proof.verdict, proof.proved, proof.drawn_before) == ("proved", 4, 0)


def test_a_new_head_is_drawn_while_loading(tmp_path: Path) -> None:
    import peft
    import transformers

    base().save_pretrained(tmp_path / "base")
    transformers.set_seed(42)
    cls = transformers.AutoModelForSequenceClassification
    model = cls.from_pretrained(tmp_path / "base", num_labels=3)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=list(LINEAR), task_type="SEQ_CLS"))
    weights, config = read(model, tmp_path / "adapter")
    proof = prove_seed(weights, config, 42, limits=Limits(window=0))
    assert (proof.verdict, proof.proved, proof.drawn_before) == ("proved", 14, 3 * 32)


def steps(model: Any, amount: int, rate: float, decay: float = 0.0) -> None:
    """A few AdamW steps on random tokens."""
    import torch

    torch.manual_seed(5)
    tokens = torch.randint(0, 67, (2, 12))
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], rate, weight_decay=decay
    )
    for _ in range(amount):
        model(input_ids=tokens, labels=tokens).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_trained_modules_remember_the_seed(tmp_path: Path) -> None:
    model = wrapped(base(), 42, r=8)
    steps(model, 8, 1e-3, 0.01)
    weights, config = read(model, tmp_path)
    proof = prove_seed(weights, config, 42, limits=FEW)
    assert (proof.verdict, proof.proved, proof.tested) == ("consistent", 14, 14)
    assert proof.correlation is not None
    assert proof.next_best is not None
    # Eight steps of 1e-3 move a weight by 8e-3 at most, its spread is 1/sqrt(3 x 48) = 8e-2 or more: 1 - (.1)^2 / 2.
    assert proof.correlation > 0.99
    assert proof.next_best < 0.3
    assert recover_seed(weights, config, seeds=range(100)).seed == 42
    assert prove_seed(weights, config, 43, limits=FEW).other == 42


def test_weight_decay_where_the_gradient_is_zero_shrinks_by_one_factor(tmp_path: Path) -> None:
    import torch

    model = wrapped(base(), 42)
    factors = [p for n, p in model.named_parameters() if "lora_" in n]
    optimizer = torch.optim.AdamW(factors, 1e-2, weight_decay=0.1)
    for _ in range(30):
        for factor in factors:
            factor.grad = torch.zeros_like(factor)
        optimizer.step()
    proof = proof_of(model, tmp_path, 42)
    assert proof.says == "seed 42 proved on 14 of 14 untrained modules"
    assert proof.why.startswith("14 shrank by one factor each")
