import dataclasses
from itertools import pairwise

import pytest

from auditor.artifacts.versions import (
    BEST_STEP_STATE,
    CALLBACK_STATE,
    LORA_KEYS,
    OLD_STATES,
    peft_range,
    transformers_min_for_class,
    transformers_range_from_state,
)
from auditor.model import VersionRange

# The keys of a real adapter_config.json whose card says PEFT 0.13.2.
SEED = """alpha_pattern auto_mapping base_model_name_or_path bias fan_in_fan_out inference_mode
init_lora_weights layer_replication layers_pattern layers_to_transform loftq_config lora_alpha
lora_dropout megatron_config megatron_core modules_to_save peft_type r rank_pattern revision
target_modules task_type use_dora use_rslora""".split()  # noqa: SIM905 - read like the file


def keys(newest: str) -> set[str]:
    """All keys up to the step that added one."""
    found: set[str] = set()
    for step in LORA_KEYS:
        found |= step.added
        if newest in step.added:
            return found
    raise AssertionError(newest)


def span(held: object) -> VersionRange | None:
    dated = peft_range(held)  # type: ignore[arg-type]
    return dated.range if dated else None


def test_a_real_file_of_0_13_2() -> None:
    dated = peft_range(SEED)
    assert dated is not None
    assert dated.range == VersionRange("0.10.0", "0.13.2")
    assert "24 keys" in dated.why


@pytest.mark.parametrize(
    ("newest", "count", "release"),
    # Number of keys and a release that wrote them: measured on wheels and on cards that state the release.
    [
        ("revision", 16, "0.5.0"),
        ("rank_pattern", 18, "0.6.0"),
        ("loftq_config", 21, "0.7.1"),
        ("use_rslora", 22, "0.8.2"),
        ("use_dora", 23, "0.9.0"),
        ("layer_replication", 24, "0.12.0"),
        ("lora_bias", 27, "0.14.0"),
        ("trainable_token_indices", 29, "0.15.2"),
        ("use_qalora", 31, "0.16.0"),
        ("target_parameters", 32, "0.17.1"),
        ("peft_version", 36, "0.18.1"),
        ("use_bdlora", 38, "0.19.1"),
        ("velora_config", 40, "0.20.0"),
        ("kasa_config", 41, "0.21.2"),
    ],
)
def test_every_known_key_set_dates_itself(newest: str, count: int, release: str) -> None:
    held = keys(newest)
    assert len(held) == count
    found = span(held)
    assert found is not None
    assert release in found


def test_neighbouring_key_sets_do_not_overlap() -> None:
    found = [span(keys(min(step.added))) for step in LORA_KEYS]
    for one, other in pairwise(found):
        assert one is not None
        assert other is not None
        assert one.intersect(other) is None


def test_missing_old_keys_open_the_upper_bound() -> None:
    assert span(set(SEED) - {"megatron_core"}) == VersionRange("0.10.0", None)


def test_unknown_keys_open_the_upper_bound() -> None:
    dated = peft_range([*SEED, "from_the_future"])
    assert dated is not None
    assert dated.range == VersionRange("0.10.0", None)
    assert "1 keys are unknown" in dated.why


def test_a_cut_down_file_says_little() -> None:
    assert span({"peft_type", "r"}) == VersionRange(None, None)
    assert span({"fine_tune_type"}) is None
    assert span(()) is None


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (BEST_STEP_STATE, VersionRange("4.50.0", None)),
        (BEST_STEP_STATE | {"new"}, VersionRange("4.50.0", None)),
        (CALLBACK_STATE, VersionRange(None, "4.49.0")),
        (OLD_STATES[-1], VersionRange(None, "4.46.2")),
        (CALLBACK_STATE - {"epoch"}, None),
        ({"best_global_step"}, None),
        (set(), None),
    ],
)
def test_trainer_states(held: set[str], expected: VersionRange | None) -> None:
    dated = transformers_range_from_state(held)
    assert (dated.range if dated else None) == expected


def test_sizes_of_the_state_key_sets() -> None:
    # 19 keys in transformers 4.46.3 to 4.49.0, 20 from 4.50.0 on.
    assert (len(CALLBACK_STATE), len(BEST_STEP_STATE)) == (19, 20)
    assert [len(old) for old in OLD_STATES] == [13, 16, 17, 18]


def test_model_classes() -> None:
    assert transformers_min_for_class("Gemma3ForConditionalGeneration") == "4.50.0"
    assert transformers_min_for_class("LlamaForCausalLM") is None


@pytest.mark.rerun
def test_tables_end_with_the_installed_releases() -> None:
    import peft
    from transformers.trainer_callback import TrainerState

    written = set(peft.LoraConfig().to_dict())
    found = span(written)
    assert found is not None
    assert peft.__version__ in found
    assert written == keys("kasa_config")
    assert {field.name for field in dataclasses.fields(TrainerState)} == BEST_STEP_STATE
