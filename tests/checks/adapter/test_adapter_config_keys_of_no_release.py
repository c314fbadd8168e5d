import json

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "adapter-config-keys-of-no-release"
CONFIG = "adapter_config.json"


def edited(**values: object) -> list[object]:
    return list(
        found(RULE, healthy(json_edits={CONFIG: {f"/{key}": value for key, value in values.items()}}))
    )


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_file_whose_nulls_were_dropped() -> None:
    # Public adapters lose keys to tools that drop nulls; loaders fill in the defaults.
    assert edited(eva_config=DELETE, loftq_config=DELETE, megatron_core=DELETE) == []


def test_passes_what_unsloth_adds() -> None:
    mapping = {"base_model_class": "LlamaForCausalLM", "parent_library": "x", "unsloth_fixed": True}
    assert edited(auto_mapping=mapping, revision="unsloth") == []


def test_passes_the_keys_of_a_build_between_two_releases() -> None:
    # PEFT's main branch of March 2023, called 0.3.0.dev0, gained `init_lora_weights` before it lost `enable_lora`
    #: public adapters of that spring hold both.
    keys: dict[str, object] = {
        "bias": "none",
        "enable_lora": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    keys |= {"init_lora_weights": True, "lora_alpha": 16, "lora_dropout": 0.05, "merge_weights": False}
    keys |= {"base_model_name_or_path": "a/b", "modules_to_save": None, "peft_type": "LORA", "r": 8}
    keys |= {"target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    assert found(RULE, memory_snapshot("test", {CONFIG: json.dumps(keys).encode()})) == []


def test_fails_for_keys_of_different_releases() -> None:
    # `enable_lora` went with 0.3.0 (tuners/lora.py of 0.2.0 has it), `use_dora` came with 0.9.0.
    (only,) = edited(enable_lora=None)
    assert only == finding(
        RULE,
        WARNING,
        "no release of PEFT writes `enable_lora` and `alora_invocation_tokens` for LORA into one file",
        CONFIG,
        "/enable_lora",
        expected="the keys of one release",
        observed="`enable_lora` (last in 0.2.0) and `alora_invocation_tokens` (first in 0.18.0)",
    )


def test_fails_for_a_misspelt_key() -> None:
    assert edited(use_rslora=DELETE, use_rs_lora=True) == [
        finding(
            RULE,
            WARNING,
            "PEFT knows no key `use_rs_lora` for LORA, and `use_rslora`, which it resembles, is missing: PEFT uses "
            "the default",
            CONFIG,
            "/use_rs_lora",
            expected="`use_rslora`",
            observed="`use_rs_lora`",
        )
    ]


def test_fails_for_a_key_that_the_named_release_does_not_write() -> None:
    assert edited(platform="x") == [
        finding(
            RULE,
            NOTE,
            "PEFT 0.21.2, which the file names as its writer, does not write `platform`",
            CONFIG,
            "/platform",
        )
    ]


def test_cannot_look_at_keys_of_a_newer_release() -> None:
    for version in (DELETE, "99.0.0", "0.21.3.dev0@abc"):
        edits = {CONFIG: {"/peft_version": version, "/newest_config": None}}
        assert reasons(RULE, healthy(json_edits=edits)) == [
            "1 key not known to this audit, whose table ends with PEFT 0.21.2: `newest_config`"
        ]


def test_cannot_look_at_the_file_of_another_program() -> None:
    mlx = b'{"fine_tune_type": "lora", "lora_parameters": {}, "num_layers": 4}'
    assert reasons(RULE, memory_snapshot("test", {CONFIG: mlx})) == [
        "the file does not configure a method that this audit knows"
    ]
