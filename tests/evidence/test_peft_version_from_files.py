"""Ranges of PEFT releases: key sets of released wheels and the release a card states."""

import pytest

from auditor.evidence import peft_version_from_files as module
from auditor.model import Evidence, Status, VersionRange
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter, recipe, run_of, weighed

CLAIM = "peft_version"
# LoraConfig of peft 0.11.1, 0.12.0 and 0.13.2 saves these 24 keys.
KEYS_24: dict[str, object] = dict.fromkeys(
    (
        *("base_model_name_or_path", "bias", "fan_in_fan_out", "inference_mode", "init_lora_weights"),
        *("lora_alpha", "lora_dropout", "modules_to_save", "peft_type", "r", "target_modules", "task_type"),
        *("auto_mapping", "layers_pattern", "layers_to_transform", "revision", "alpha_pattern"),
        *("rank_pattern", "loftq_config", "megatron_config", "megatron_core", "use_rslora", "use_dora"),
        "layer_replication",
    )
)


def card(release: str) -> bytes:
    return f"# Card\n\n### Framework versions\n\n- PEFT {release}\n".encode()


def run_with(readme: str | None = None, declared: str | None = None, **changes: object) -> Run:
    files: dict[str, object] = {"adapter_config.json": {**KEYS_24, **adapter(**changes)}}
    if readme is not None:
        files["README.md"] = card(readme)
    if declared is not None:
        files["cheetah-fine-tuning-config.json"] = recipe(peft={"target_modules": declared})
    return run_of(files)


def only(run: Run) -> Evidence:
    (evidence,) = weighed(run, module).claims[CLAIM].evidence
    return evidence


def test_the_real_case_is_0_13_2() -> None:
    assert only(run_of(seed())).value == VersionRange("0.13.2", "0.13.2")


def test_the_healthy_run_names_its_release() -> None:
    assert only(run_of(healthy())).value == VersionRange("0.21.2", "0.21.2")


def test_the_keys_alone_give_a_range() -> None:
    evidence = only(run_with())
    assert evidence.value == VersionRange("0.10.0", "0.13.2")
    assert evidence.paths == ("adapter_config.json",)


def test_a_card_of_another_release_conflicts_with_the_keys() -> None:
    evidence = only(run_with("0.17.1"))
    assert evidence.outcome is Status.CONTRADICTED
    assert evidence.says == (
        "adapter_config.json was written by PEFT 0.10.0 to 0.13.2, README.md by PEFT 0.17.1: "
        "no release can have written both"
    )


def test_a_file_may_disagree_with_itself() -> None:
    # `kasa_config` came with 0.21.0.
    evidence = only(run_with(peft_version="0.18.0", kasa_config=None))
    assert evidence.outcome is Status.CONTRADICTED
    assert evidence.says == (
        "adapter_config.json holds what PEFT 0.21.0 or newer writes beside what PEFT 0.18.0 does"
    )


def test_a_card_older_than_the_keys_is_left_to_the_rule_about_cards() -> None:
    evidence = only(run_with("0.9.0"))
    assert evidence.outcome is Status.VERIFIED
    assert evidence.value == VersionRange("0.10.0", "0.13.2")


@pytest.mark.parametrize(
    ("version", "expected"),
    # A development build holds what was in main between the minor release before it and the one after it.
    [("0.18.0", VersionRange("0.18.0", "0.18.0")), ("0.18.1.dev0@abc", VersionRange("0.18.0", "0.19.0"))],
)
def test_the_file_itself_may_name_the_release(version: str, expected: VersionRange) -> None:
    run = run_of({"adapter_config.json": adapter(peft_version=version)})
    assert only(run).value == expected


def test_a_development_build_may_hold_keys_of_the_release_it_leads_to() -> None:
    # `lora_ga_config` and `use_bdlora` came with 0.19.0; main was called 0.18.1.dev0 when they were added.
    run = run_with(lora_ga_config=None, peft_version="0.18.1.dev0@abc")
    assert only(run).outcome is Status.VERIFIED


def test_other_methods_have_key_sets_of_their_own() -> None:
    # IA3Config of peft 0.13.2: 11 fields; 0.14.0 added `exclude_modules`.
    keys = (
        *(
            "auto_mapping",
            "base_model_name_or_path",
            "fan_in_fan_out",
            "feedforward_modules",
            "inference_mode",
        ),
        *("init_ia3_weights", "modules_to_save", "peft_type", "revision", "target_modules", "task_type"),
    )
    run = run_of({"adapter_config.json": {**dict.fromkeys(keys), "peft_type": "IA3"}})
    assert only(run).value == VersionRange("0.4.0", "0.13.2")


def test_an_output_head_in_all_linear_narrows_an_open_range() -> None:
    # An unknown key leaves the upper end open; the defect that keeps lm_head is gone in 0.15.2.
    assert only(run_with(new_key=1)).value == VersionRange("0.10.0", None)
    assert only(run_with(new_key=1, declared="all-linear")).value == VersionRange("0.10.0", "0.15.1")


def test_the_narrowing_never_contradicts() -> None:
    run = run_with("0.17.1", "all-linear", target_parameters=None)
    assert only(run).outcome is Status.VERIFIED


@pytest.mark.parametrize("changes", [{"peft_type": None}, {"peft_type": "NEW"}])
def test_is_silent_for_other_files(changes: dict[str, object]) -> None:
    assert CLAIM not in weighed(run_with(**changes), module).claims  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["9" * 5000, "1." + "9" * 5000, "", "dev", "no.1", "²"])
def test_what_is_no_release_is_no_bound(version: str) -> None:
    """Python refuses to convert a number of more than 4,300 digits."""
    assert only(run_with(peft_version=version)).value == VersionRange("0.18.0", None)
