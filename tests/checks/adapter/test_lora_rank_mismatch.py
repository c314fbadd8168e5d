import numpy

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "lora-rank-mismatch"
CONFIG = "adapter_config.json"
MODULE = "model.language_model.layers.1.mlp.up_proj"


def smaller(tensors: Tensors) -> None:
    tensors[name("1.mlp.up_proj", "lora_A")] = numpy.ones((4, 64), numpy.float32)
    tensors[name("1.mlp.up_proj", "lora_B")] = numpy.ones((128, 4), numpy.float32)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_rank_that_the_pattern_gives() -> None:
    edits = {CONFIG: {"/rank_pattern": {"layers.1.mlp.up_proj": 4}}}
    assert found(RULE, healthy(json_edits=edits, data=changed(smaller))) == []


def test_fails_for_one_module() -> None:
    assert found(RULE, healthy(data=changed(smaller))) == [
        finding(
            RULE,
            ERROR,
            "adapter_config.json gives another rank for 1 of 14 modules, first "
            f"{MODULE} with lora_A (4, 64), lora_B (128, 4)",
            ADAPTER,
            MODULE,
            expected="rank 8",
            observed="lora_A (4, 64), lora_B (128, 4)",
        )
    ]


def test_fails_for_all_modules_when_the_configuration_is_of_another_run() -> None:
    (only,) = found(RULE, healthy(json_edits={CONFIG: {"/r": 16}}))
    assert only.message.startswith("adapter_config.json gives another rank for 14 of 14 modules")
    assert only.expected == "rank 16"
    assert only.evidence == ("checkpoint-18/adapter_config.json says r 8",)


def test_passes_expert_matrices_with_the_ranks_of_all_experts() -> None:
    edits = {CONFIG: {"/r": 4, "/target_parameters": ["mlp.up_proj"]}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_when_dora_is_declared_without_vectors() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/use_dora": True}})) == [
        finding(
            RULE,
            ERROR,
            "`use_dora` is true, and no module has a magnitude vector",
            ADAPTER,
            expected="a lora_magnitude_vector for each module",
            observed="none",
            evidence=("checkpoint-18/adapter_config.json says use_dora False",),
        )
    ]


def test_fails_when_only_some_modules_have_the_vector_of_dora() -> None:
    def add(tensors: Tensors) -> None:
        tensors[f"base_model.model.{MODULE}.lora_magnitude_vector"] = numpy.ones(128, numpy.float32)

    edits = {CONFIG: {"/use_dora": True}}
    (only,) = found(RULE, healthy(json_edits=edits, data=changed(add)))
    assert only.message.startswith(
        "`use_dora` is true, and 13 of 14 modules have no magnitude vector, first "
    )
    assert (only.expected, only.observed) == ("a lora_magnitude_vector for each module", "1")


def test_fails_when_vectors_are_there_without_dora() -> None:
    def add(tensors: Tensors) -> None:
        tensors[f"base_model.model.{MODULE}.lora_magnitude_vector"] = numpy.ones(128, numpy.float32)

    assert found(RULE, healthy(data=changed(add))) == [
        finding(
            RULE,
            ERROR,
            "`use_dora` is false, and the file holds 1 DoRA magnitude vector",
            ADAPTER,
            MODULE,
            expected="no lora_magnitude_vector",
            observed="1",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
    refused = healthy(json_edits={"adapter_config.json": {"/r": -1}})
    assert reasons(RULE, refused) == ["`r` is no rank that PEFT takes (adapter-config-unusable)"]
