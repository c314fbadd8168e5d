import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "adapter-prefix-missing"
ADAPTER = "adapter_model.safetensors"
Q = lora("model.layers.0.self_attn.q_proj")


def renamed(old: str, new: str) -> dict[str, tuple[int, ...]]:
    return {name.replace(old, new, 1): shape for name, shape in Q.items()}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_names_without_the_prefix_where_they_belong() -> None:
    """Prompts have none, VeRA's projections a shorter one, diffusers and kohya their own."""
    assert found(RULE, made("PROMPT_TUNING", {}, {"prompt_embeddings": (5, 8)})) == []
    vera = {"base_model.vera_A": (8, 4), "base_model.model.q.vera_lambda_b": (4,)}
    assert found(RULE, made("VERA", {}, vera)) == []
    for name in (
        "unet.down.to_q.lora_A.weight",
        "transformer.blocks.0.attn.lora_B.weight",
        "unet.q.lora.up.weight",
    ):
        assert found(RULE, made("LORA", {}, {name: (4, 8)})) == []


def test_fails_without_the_prefix() -> None:
    name = "model.layers.0.self_attn.q_proj.lora_A.weight"
    assert found(RULE, made("LORA", {"r": 4}, renamed("base_model.model.", ""))) == [
        finding(
            RULE,
            ERROR,
            f"2 of 2 tensors of LORA have names that PEFT does not load, first {name}",
            ADAPTER,
            name,
            expected="base_model.model. and the module's name",
            observed=name,
        )
    ]


@pytest.mark.parametrize("wrapper", ["module.base_model.model.", "base_model.model._orig_mod."])
def test_fails_behind_a_wrapper(wrapper: str) -> None:
    (only,) = found(RULE, made("LORA", {"r": 4}, renamed("base_model.model.", wrapper)))
    assert only.observed == f"{wrapper}model.layers.0.self_attn.q_proj.lora_A.weight"


def test_fails_mildly_for_the_name_of_an_adapter() -> None:
    """Measured with peft 0.21.2: lora_B is loaded with adapter_name="mine" alone, and with ``default`` in any case."""
    path = "base_model.model.model.layers.0.self_attn.q_proj.lora_A"
    assert found(RULE, made("LORA", {"r": 4}, renamed(".weight", ".mine.weight"))) == [
        finding(
            RULE,
            WARNING,
            "2 of 2 tensors carry the adapter name 'mine', without which PEFT does not load them",
            ADAPTER,
            f"{path}.mine.weight",
            expected=f"{path}.weight",
            observed=f"{path}.mine.weight",
        )
    ]
    assert found(RULE, made("LORA", {"r": 4}, renamed(".weight", ".default.weight"))) == []


def test_cannot_look_at_methods_it_does_not_know_or_without_the_file() -> None:
    assert reasons(RULE, made("CARTRIDGE", {}, {"y": (1,)})) == [
        "the tensor names of CARTRIDGE are not known"
    ]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
