from dataclasses import replace

from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "adapter-config-differs-from-checkpoint"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_another_order_of_the_same_targets() -> None:
    order = [
        "q_proj",
        "lm_head",
        "v_proj",
        "k_proj",
        "o_proj",
        "out_proj",
        "fc1",
        "fc2",
        "up_proj",
        "down_proj",
    ]
    snapshot = seed(json_edits={CONFIG: {"/target_modules": [*order, "gate_proj"]}})
    assert found(RULE, snapshot) == []


def test_passes_the_same_model_by_hub_id_and_by_path() -> None:
    edits = {CONFIG: {"/base_model_name_or_path": "/root/cache/tiny-gemma3"}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_passes_keys_that_another_release_did_not_write() -> None:
    edits = {CONFIG: {"/peft_version": DELETE, "/init_lora_weights": DELETE, "/bias": DELETE}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_passes_the_ranks_that_adalora_gives_away() -> None:
    """peft writes another rank_pattern with every checkpoint of an AdaLoRA run."""
    files = (CONFIG, "checkpoint-9/adapter_config.json", "checkpoint-18/adapter_config.json")
    edits = {
        path: {"/peft_type": "ADALORA", "/rank_pattern": {"q.lora_E": [True] * kept}}
        for kept, path in enumerate(files)
    }
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_for_keys_that_one_release_always_writes() -> None:
    edits = {CONFIG: {"/init_lora_weights": DELETE, "/megatron_core": "other"}}
    (only,) = found(RULE, healthy(json_edits=edits))
    assert (only.severity, only.observed) == (WARNING, "init_lora_weights is not there; megatron_core other")


def test_fails_for_an_earlier_checkpoint() -> None:
    early = "checkpoint-9/adapter_config.json"
    (only,) = found(RULE, healthy(json_edits={early: {"/lora_alpha": 32}}))
    assert only.message == f"{early} differs from checkpoint-18/adapter_config.json in `lora_alpha`"


def test_fails_at_the_copy_that_stands_alone() -> None:
    last = "checkpoint-18/adapter_config.json"
    (only,) = found(RULE, healthy(json_edits={last: {"/lora_alpha": 32}}))
    assert (only.at.path, only.expected, only.observed) == (last, "lora_alpha 16", "lora_alpha 32")


def test_fails_for_another_rank_whose_weights_nobody_reads() -> None:
    weights = [f"{folder}adapter_model.safetensors" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    assert found(RULE, healthy(json_edits={CONFIG: {"/r": 16, "/lora_alpha": 32}}, without=weights)) == [
        finding(
            RULE,
            ERROR,
            "adapter_config.json differs from checkpoint-18/adapter_config.json in `r`, `lora_alpha`",
            CONFIG,
            "/r",
            expected="r 8; lora_alpha 16",
            observed="r 16; lora_alpha 32",
            evidence=(
                "r is declared as 8, and adapter_config.json says 16",
                "lora_alpha is declared as 16, and adapter_config.json says 32",
            ),
        )
    ]


def test_fails_for_what_the_weights_do_not_speak_of() -> None:
    (only,) = found(RULE, healthy(json_edits={CONFIG: {"/r": 16, "/lora_alpha": 32}}))
    assert (only.expected, only.observed) == ("lora_alpha 16", "lora_alpha 32")


def test_fails_mildly_for_what_does_not_shape_the_adapter() -> None:
    mild = finding(
        RULE,
        WARNING,
        "adapter_config.json differs from checkpoint-18/adapter_config.json in `lora_dropout`",
        CONFIG,
        "/lora_dropout",
        expected="lora_dropout 0.05",
        observed="lora_dropout 0.1",
    )
    edits = {CONFIG: {"/lora_dropout": 0.1}}
    assert found(RULE, healthy(json_edits=edits, without=["cheetah-fine-tuning-config.json"])) == [mild]
    declared = ("lora_dropout is declared as 0.05, and adapter_config.json says 0.1",)
    grave = replace(mild, severity=ERROR, evidence=declared)
    assert found(RULE, healthy(json_edits=edits)) == [grave]


def test_fails_against_the_best_checkpoint_when_the_state_names_one() -> None:
    best = {"checkpoint-18/trainer_state.json": {"/best_model_checkpoint": "/out/checkpoint-9"}}
    (only,) = found(RULE, healthy(json_edits={CONFIG: {"/use_rslora": True}, **best}))
    assert only.message == (
        "adapter_config.json differs from checkpoint-9/adapter_config.json in `use_rslora`"
    )


def test_says_when_it_cannot_look() -> None:
    alone = healthy(without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone) == [
        "there is no adapter_config.json in both the run's folder and a checkpoint"
    ]
    told = ["what is wrong in adapter_config.json is reported by itself, with the other copy as evidence"]
    for edit in (
        {"/r": 16},
        {"/r": "8"},
        {"/use_dora": True},
        {"/peft_type": "IA3"},
        {"/target_modules": ["q_proj"]},
    ):
        assert reasons(RULE, healthy(json_edits={CONFIG: edit})) == told
