"""Adapters for every known model type: rules that look modules up are silent, until one thing is wrong."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import pytest
from safetensors.numpy import save

from auditor.architectures._parts import Module
from auditor.architectures._structure import Structure, structures
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.architectures.cases import CASES
from tests.checks.expecting import found

SHAPE, PLACE = "module-shape-differs-from-base", "module-not-in-base"
Tensors = dict[str, Any]


def every() -> Iterator[tuple[str, int]]:
    for case, (cls, raw) in CASES.items():
        built = structures(BaseConfig.of("config.json", {"architectures": [cls], **raw}))
        assert not isinstance(built, str)
        for number in range(len(built)):
            yield case, number


def structure(case: str, number: int) -> Structure:
    cls, raw = CASES[case]
    built = structures(BaseConfig.of("config.json", {"architectures": [cls], **raw}))
    assert not isinstance(built, str)
    return built[number]


def factors(modules: Iterator[Module] | tuple[Module, ...]) -> Tensors:
    """What PEFT saves of r = 2 on these modules (peft 0.21.2, tuners/lora/layer.py)."""
    tensors: Tensors = {}
    for module in modules:
        at = f"base_model.model.{module.name}"
        if module.kind == "embedding":
            tensors[f"{at}.lora_embedding_A"] = numpy.ones((2, module.in_features), numpy.float32)
            tensors[f"{at}.lora_embedding_B"] = numpy.ones((module.out_features, 2), numpy.float32)
        else:
            tensors[f"{at}.lora_A.weight"] = numpy.ones((2, module.in_features), numpy.float32)
            tensors[f"{at}.lora_B.weight"] = numpy.ones((module.out_features, 2), numpy.float32)
    return tensors


def repository(case: str, tensors: Tensors, **settings: object) -> Snapshot:
    cls, raw = CASES[case]
    auto: Mapping[str, object] = {"base_model_class": cls, "parent_library": "transformers.models.x"}
    config = {"peft_type": "LORA", "r": 2, "target_modules": ["x"], "auto_mapping": auto, **settings}
    files = {
        "config.json": json.dumps({"architectures": [cls], **raw}).encode(),
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": save(tensors),
    }
    return memory_snapshot("test", files)


@pytest.mark.parametrize(("case", "number"), list(every()))
def test_an_adapter_on_everything_passes(case: str, number: int) -> None:
    named = (m for m in structure(case, number).modules if m.is_linear or m.kind == "embedding")
    snapshot = repository(case, factors(named))
    assert found(SHAPE, snapshot) == []
    assert found(PLACE, snapshot) == []


@pytest.mark.parametrize(("case", "number"), list(every()))
def test_one_wider_module_fails(case: str, number: int) -> None:
    linears = [m for m in structure(case, number).linears if m.tower not in ("head", "task")]
    tensors = factors(tuple(linears))
    wrong = linears[len(linears) // 2]
    tensors[f"base_model.model.{wrong.name}.lora_A.weight"] = numpy.ones(
        (2, wrong.in_features + 8), numpy.float32
    )
    (only,) = found(SHAPE, repository(case, tensors))
    assert only.at.member == wrong.name
    assert only.expected == f"{wrong.in_features} inputs, {wrong.out_features} outputs"


@pytest.mark.parametrize(("case", "number"), list(every()))
def test_a_layer_too_many_fails(case: str, number: int) -> None:
    linears = [m for m in structure(case, number).linears if m.tower not in ("head", "task")]
    inside = next(m for m in linears if ".0." in m.name)
    name = inside.name.replace(".0.", ".77.", 1)
    beyond = Module(name, "linear", inside.in_features, inside.out_features, "text")
    (only,) = found(PLACE, repository(case, factors((*linears, beyond))))
    assert only.at.member == beyond.name


def test_a_resized_vocabulary_and_other_labels_pass() -> None:
    """Tokens added before training: no file of the base knows."""
    head = Module("lm_head", "linear", 32, 67 + 5, "head")
    tokens = Module("model.embed_tokens", "embedding", 67 + 5, 32, "text")
    assert found(SHAPE, repository("llama", factors((head, tokens)))) == []
    score = Module("score", "linear", 32, 7, "task")
    assert found(SHAPE, repository("llama, sequence", factors((score,)))) == []


def test_another_width_of_the_head_fails() -> None:
    head = Module("lm_head", "linear", 40, 67, "head")
    (only,) = found(SHAPE, repository("llama", factors((head,))))
    assert only.observed == "40 inputs, 67 outputs"


def test_a_name_between_two_known_spellings_passes() -> None:
    """ViT's layers were renamed within transformers 5: a release between may have other names still."""
    between = Module("vit.encoder.layers.1.attention.query", "linear", 24, 24, "vision")
    assert found(PLACE, repository("vit, image", factors((between,)))) == []


def test_a_module_no_release_has_fails_where_names_never_changed() -> None:
    fused = Module("model.layers.0.self_attn.qkv_proj", "linear", 32, 64, "text")
    (only,) = found(PLACE, repository("llama", factors((fused,))))
    assert only.message == "the base model lacks 1 of 1 module, first model.layers.0.self_attn.qkv_proj"
