""" "all-linear" and null against the linear modules a base has, and against what PEFT makes of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.evidence import targets_from_structure as module
from auditor.evidence._flos import readings
from auditor.model import Status
from auditor.runs import Run
from tests.architectures import library
from tests.architectures.cases import CASES
from tests.builders.blobs import json_blob
from tests.builders.repositories import seed
from tests.evidence.support import adapter, recipe, run_of, said

ALL_SEVEN = [f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")]
LLAMA = BaseConfig.of("config.json", {"architectures": ["LlamaForCausalLM"], **CASES["llama"][1]})
GEMMA = BaseConfig.of(
    "config.json", {"architectures": ["Gemma3ForConditionalGeneration"], **CASES["gemma3"][1]}
)


def run_with(
    base: BaseConfig | None, targets: list[str], declared: object = "all-linear", **more: object
) -> Run:
    saved = adapter(target_modules=targets, **{"auto_mapping": None, "task_type": "CAUSAL_LM", **more})
    files = {
        "adapter_config.json": saved,
        "cheetah-fine-tuning-config.json": recipe(peft={"target_modules": declared}),
    }
    return run_of(files, base)


def test_the_real_case_has_every_module_and_the_nested_head() -> None:
    # 238 of the language model and 162 of the vision tower (meta-device count), and the head besides.
    assert said(run_of(seed()), module) == {
        "target_modules": (
            Status.VERIFIED,
            (
                "all-linear means 400 linear modules of this base, and LoRA is on every one, and on the output head, "
                "which PEFT leaves out unless it is nested (0.14 and older)"
            ),
        )
    }


def test_every_module_without_the_head_is_what_the_word_means() -> None:
    says = "all-linear means 14 linear modules of this base, and LoRA is on every one"
    assert said(run_with(LLAMA, ALL_SEVEN), module) == {"target_modules": (Status.VERIFIED, says)}


def test_a_module_of_the_language_model_left_out_contradicts() -> None:
    says = (
        "all-linear is declared, and 10 linear modules of this base have no LoRA: down_proj, gate_proj, k_proj, "
        "o_proj, up_proj"
    )
    found = said(run_with(LLAMA, ["q_proj", "v_proj"]), module)
    assert found == {"target_modules": (Status.CONTRADICTED, says)}


def test_modules_that_another_setting_leaves_out_contradict_nothing() -> None:
    """PEFT expands the word first and passes over what is excluded (tuners_utils.py, `check_target_module_exists`)."""
    excluded = run_with(LLAMA, ALL_SEVEN, exclude_modules=["o_proj", "down_proj"])
    says = (
        "all-linear means 14 linear modules of this base, and LoRA is on every one "
        "but 4 that `exclude_modules` names"
    )
    assert said(excluded, module) == {"target_modules": (Status.VERIFIED, says)}
    unlisted = run_with(LLAMA, ALL_SEVEN[:3], exclude_modules=["o_proj", "down_proj"])
    assert said(unlisted, module)["target_modules"][0] is Status.CONTRADICTED


def test_a_base_known_by_name_only_contradicts_nothing() -> None:
    found = said(run_with(None, ["q_proj"], base_model_name_or_path="meta-llama/Llama-3.2-1B"), module)
    assert found["target_modules"][0] is Status.UNVERIFIABLE


def test_a_vision_tower_left_out_is_a_platforms_choice() -> None:
    pattern: Any = r".*language_model.*_proj"
    found = said(run_with(GEMMA, pattern, task_type=None), module)
    assert found["target_modules"][0] is Status.UNVERIFIABLE
    assert found["target_modules"][1].endswith("the platform may have left them out")


def test_routers_and_experts_left_out_are_a_platforms_choice() -> None:
    raw = {"architectures": ["Qwen3MoeForCausalLM"], **CASES["qwen3_moe"][1]}
    base = BaseConfig.of("config.json", raw)
    found = said(run_with(base, ["q_proj", "k_proj", "v_proj", "o_proj"]), module)
    # transformers 5 keeps experts and router as parameters, so nothing is left out there.
    assert found["target_modules"][0] is Status.VERIFIED


@pytest.mark.parametrize(
    ("targets", "status"), [(["v_proj", "q_proj"], Status.VERIFIED), (["q_proj"], Status.UNVERIFIABLE)]
)
def test_null_is_what_peft_wraps_by_default(targets: list[str], status: Status) -> None:
    assert said(run_with(LLAMA, targets, None), module)["target_modules"][0] is status


def test_cannot_look_without_a_base_or_a_word_or_a_known_type() -> None:
    assert said(run_with(None, ["q_proj"], base_model_name_or_path="someone/else"), module) == {}
    assert said(run_with(LLAMA, ["q_proj"], ["q_proj"]), module) == {}
    unknown = BaseConfig.of("config.json", {"model_type": "unheard_of"})
    assert said(run_with(unknown, ["q_proj"]), module) == {
        "target_modules": (
            Status.UNVERIFIABLE,
            "all-linear cannot be expanded: the modules of model type unheard_of are not known",
        )
    }
    assert said(run_with(unknown, ["q_proj"], None), module) == {}


def wrapped(case: str, **settings: Any) -> tuple[Any, AdapterConfig, BaseConfig]:
    """The real class under the installed PEFT, what PEFT saves, and the base's configuration."""
    import peft

    cls, raw = CASES[case]
    model = peft.get_peft_model(library.built(raw, cls), peft.LoraConfig(r=3, **settings))
    saved = model.peft_config["default"].to_dict()
    if isinstance(saved["target_modules"], set):
        saved["target_modules"] = sorted(saved["target_modules"])
    auto = {"base_model_class": cls, "parent_library": "transformers.models.x"}
    plain = json.loads(json.dumps({**saved, "auto_mapping": auto}, default=list))
    config = AdapterConfig.parse(json_blob({**plain, "peft_type": "LORA"}, "adapter_config.json"))
    return model, config, BaseConfig.of("config.json", {"architectures": [cls], **raw})


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_the_word_means_what_peft_makes_of_it(case: str) -> None:
    if case in ("t5, untied", "mt5, untied"):
        pytest.skip("transformers 5 ties a model built from a configuration")
    model, config, base = wrapped(case, target_modules="all-linear")
    found = readings(base, config)
    if config.raw.get("target_parameters"):
        # PEFT 0.21 adds the stacked experts of some types by itself.
        assert found == "the adapter wraps bare parameters (target_parameters), which is not counted here"
        return
    assert not isinstance(found, str)
    assert model.num_parameters(exclude_embeddings=True) in [reading.parameters for reading in found]


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("case", "settings"),
    [
        ("llama", {"target_modules": ["q_proj", "embed_tokens"]}),
        ("llama", {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}),
        ("llama, tied", {"target_modules": ["q_proj", "lm_head"]}),
        ("llama, sequence", {"target_modules": ["q_proj"], "task_type": "SEQ_CLS"}),
        ("roberta, sequence", {"target_modules": ["query"], "task_type": "SEQ_CLS"}),
        ("distilbert, sequence", {"target_modules": ["q_lin"], "task_type": "SEQ_CLS"}),
        ("gpt2", {"target_modules": ["c_attn", "wte"], "fan_in_fan_out": True}),
        ("whisper", {"target_modules": ["q_proj", "v_proj"]}),
        ("mixtral", {"target_modules": ["q_proj", "v_proj"]}),
        ("vit, image", {"target_modules": ["q_proj"], "modules_to_save": ["classifier"]}),
    ],
)
def test_parameters_are_those_the_library_counts_for_other_adapters(
    case: str, settings: dict[str, Any]
) -> None:
    model, config, base = wrapped(case, **settings)
    found = readings(base, config)
    assert not isinstance(found, str), found
    assert model.num_parameters(exclude_embeddings=True) in [reading.parameters for reading in found]


@pytest.mark.rerun
def test_the_table_of_defaults_is_the_installed_pefts() -> None:
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    path = Path(module.__file__).with_name("_peft_default_targets.json")
    types = json.loads(path.read_text())["types"]
    for name, names in TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.items():
        assert isinstance(names, str) or sorted(names) in types[name], name
