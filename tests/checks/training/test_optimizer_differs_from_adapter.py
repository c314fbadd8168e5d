import numpy

from tests.builders.pickles import make_optimizer, make_torch
from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import Tensors, changed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "optimizer-differs-from-adapter"
FILE = "checkpoint-18/optimizer.pt"
CONFIGS = ["checkpoint-9/adapter_config.json", "checkpoint-18/adapter_config.json"]
TENSORS = 28  # 14 modules (two layers, seven projections), a pair each


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_another_number_of_parameters() -> None:
    assert found(RULE, healthy(data={FILE: make_optimizer([(2, 2)] * 30)})) == [
        finding(
            RULE,
            WARNING,
            "the optimizer trains 30 parameters, and the adapter holds 28 LoRA tensors",
            FILE,
            "param_groups",
            expected=str(TENSORS),
            observed="30",
        )
    ]


def test_fails_for_parameters_without_a_gradient() -> None:
    state = {index: {"step": 18.0} for index in range(20)}
    group = {"lr": 0.1, "params": list(range(TENSORS))}
    (only,) = found(RULE, healthy(data={FILE: make_torch({"state": state, "param_groups": [group]})}))
    assert only.message == "8 of 28 trained tensors have no optimizer state: they never got a gradient"


def test_passes_a_head_that_old_peft_saved_without_naming_it() -> None:
    # Measured with peft 0.7.1: a classifier's bias and weight, `modules_to_save` null, 30 parameters trained.
    def headed(tensors: Tensors) -> None:
        tensors["base_model.model.classifier.weight"] = numpy.ones((2, 64), numpy.float32)
        tensors["base_model.model.classifier.bias"] = numpy.ones(2, numpy.float32)

    (adapter,) = changed(headed).values()
    files = {FILE: make_optimizer([(2, 2)] * 30), "checkpoint-18/adapter_model.safetensors": adapter}
    assert found(RULE, healthy(data=files)) == []


def test_says_when_it_cannot_look() -> None:
    (only,) = reasons(RULE, seed())
    assert only == (
        "checkpoint-450/optimizer.pt was not read: unfetched; adapter_model.safetensors was not read: unfetched "
        "(and 1 more)"
    )
    edits = {path: {"/modules_to_save": ["lm_head"]} for path in CONFIGS}
    assert reasons(RULE, healthy(json_edits=edits)) == ["the adapter holds more than LoRA matrices"] * 2
    tokens = {path: {"/trainable_token_indices": [3, 4]} for path in CONFIGS}
    assert reasons(RULE, healthy(json_edits=tokens)) == ["the adapter holds more than LoRA matrices"] * 2
    empty = {f"{folder}optimizer.pt": make_optimizer([]) for folder in ("checkpoint-9/", "checkpoint-18/")}
    assert reasons(RULE, healthy(data=empty)) == ["the optimizer keeps no state by parameter"] * 2


def test_passes_a_start_whose_lora_b_is_frozen() -> None:
    """MiCA trains lora_A alone and saves both (measured with peft 0.21.2: 4 of 8 tensors in optimizer.pt)."""
    edits = {path: {"/init_lora_weights": "mica"} for path in CONFIGS}
    half = {FILE: make_optimizer([(2, 2)] * (TENSORS // 2))}
    assert found(RULE, healthy(data=half, json_edits={CONFIGS[1]: edits[CONFIGS[1]]})) == []
    (only,) = found(RULE, healthy(json_edits={CONFIGS[1]: edits[CONFIGS[1]]}))
    assert (only.expected, only.observed) == ("14", "28")


def test_cannot_look_at_variants_that_save_what_they_do_not_train() -> None:
    """Measured with peft 0.21.2: VeLoRA trains 8 of 12 tensors that begin with lora_, MonteCLoRA 16 of 24."""

    def more(tensors: Tensors) -> None:
        name = next(name for name in tensors if "lora_A" in name)
        tensors[name.replace("lora_A.weight", "lora_velora_embed")] = numpy.ones((8, 2), numpy.float32)

    (adapter,) = changed(more).values()
    files = {"checkpoint-18/adapter_model.safetensors": adapter}
    assert reasons(RULE, healthy(data=files)) == ["the adapter holds more than LoRA matrices"]
