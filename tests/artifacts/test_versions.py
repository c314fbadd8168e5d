from itertools import pairwise

import pytest

from auditor.artifacts._release_tables import KeyTable
from auditor.artifacts.versions import (
    adapter_keys,
    argument_keys,
    foreign_arguments,
    is_trainer_state,
    peft_methods,
    peft_range,
    renaming,
    state_keys,
    stated_range,
    transformers_min_for_class,
    transformers_range_from_arguments,
    transformers_range_from_state,
)
from auditor.model import VersionRange, version_key

# The keys of a real adapter_config.json whose card says PEFT 0.13.2.
SEED = """alpha_pattern auto_mapping base_model_name_or_path bias fan_in_fan_out inference_mode
init_lora_weights layer_replication layers_pattern layers_to_transform loftq_config lora_alpha
lora_dropout megatron_config megatron_core modules_to_save peft_type r rank_pattern revision
target_modules task_type use_dora use_rslora""".split()  # noqa: SIM905 - read like the file
# TrainerState of transformers 4.46.3 to 4.49.0: 19 keys; 4.50.0 added `best_global_step`.
STATE_19 = """best_metric best_model_checkpoint epoch eval_steps global_step is_hyper_param_search
is_local_process_zero is_world_process_zero log_history logging_steps max_steps num_input_tokens_seen
num_train_epochs save_steps stateful_callbacks total_flos train_batch_size trial_name
trial_params""".split()  # noqa: SIM905 - read like the file
PLAIN = "transformers.training_args.TrainingArguments"
SEQ2SEQ = "transformers.training_args_seq2seq.Seq2SeqTrainingArguments"


def lora() -> KeyTable:
    known = adapter_keys("LORA")
    assert known is not None
    return known


def at(release: str) -> frozenset[str]:
    keys = lora().at(release)
    assert keys is not None
    return keys


def span(held: object, method: str = "LORA") -> VersionRange | None:
    dated = peft_range(held, method)  # type: ignore[arg-type]
    return dated.range if dated else None


def test_a_real_file_of_0_13_2() -> None:
    dated = peft_range(SEED)
    assert dated is not None
    assert dated.range == VersionRange("0.10.0", "0.13.2")
    assert dated.why == "exactly the 24 keys that PEFT 0.10.0 to 0.13.2 writes"
    assert at("0.13.2") == frozenset(SEED)


@pytest.mark.parametrize(
    ("count", "release"),
    # Number of keys in public adapters whose cards state the release.
    [
        (12, "0.3.0"),
        (16, "0.5.0"),
        (18, "0.6.0"),
        (21, "0.7.1"),
        (22, "0.8.2"),
        (23, "0.9.0"),
        (24, "0.12.0"),
        (27, "0.14.0"),
        (29, "0.15.2"),
        (31, "0.16.0"),
        (32, "0.17.1"),
        (36, "0.18.1"),
        (38, "0.19.1"),
        (40, "0.20.0"),
        (41, "0.21.2"),
    ],
)
def test_every_release_writes_as_many_keys_as_its_public_adapters_hold(count: int, release: str) -> None:
    held = at(release)
    assert len(held) == count
    found = span(held)
    assert found is not None
    assert release in found


def test_neighbouring_key_sets_do_not_overlap() -> None:
    for method in peft_methods():
        known = adapter_keys(method)
        assert known is not None
        for (_, high, one), (low, _, other) in pairwise(known.sets):
            first, second = span(one, method), span(other, method)
            assert first is not None
            assert second is not None
            assert low == high + 1
            assert first.intersect(second) is None


def test_missing_old_keys_open_the_upper_bound() -> None:
    assert span(set(SEED) - {"megatron_core"}) == VersionRange("0.10.0", None)


def test_unknown_keys_open_the_upper_bound() -> None:
    dated = peft_range([*SEED, "from_the_future"])
    assert dated is not None
    assert dated.range == VersionRange("0.10.0", None)
    assert "1 keys are unknown" in dated.why


def test_a_development_build_lies_between_two_releases() -> None:
    # `corda_config` was merged before `trainable_token_indices`; both came with 0.15.0.
    assert span({*at("0.14.0"), "corda_config"}) == VersionRange("0.14.0", "0.15.2")


def test_a_key_that_went_bounds_above() -> None:
    # OFTConfig of peft 0.14.0 has rank_pattern and alpha_pattern, the one of 0.15.0 has not.
    assert span({"peft_type", "r", "rank_pattern"}, "OFT") == VersionRange("0.7.0", "0.14.0")


def test_keys_of_no_release() -> None:
    oft = adapter_keys("OFT")
    assert oft is not None
    # `use_cayley_neumann` came with 0.16.0.
    found = oft.impossible({"peft_type", "rank_pattern", "use_cayley_neumann", "unknown"})
    assert found is not None
    assert (found.old, found.last, found.new, found.first) == (
        *("rank_pattern", "0.14.0"),
        *("use_cayley_neumann", "0.16.0"),
    )
    assert oft.date({"peft_type", "rank_pattern", "use_cayley_neumann"}) is None
    assert lora().impossible(SEED) is None


def test_a_cut_down_file_says_little() -> None:
    assert span({"peft_type", "r"}) == VersionRange(None, None)
    assert span({"fine_tune_type"}) is None
    assert span(()) is None
    assert span(SEED, "NO_METHOD") is None


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.13.2", VersionRange("0.13.2", "0.13.2")),
        ("0.14.1.dev0", VersionRange("0.14.0", "0.15.0")),
        ("0.18.1.dev0@0123abc", VersionRange("0.18.0", "0.19.0")),
        ("0.18.0.dev0", VersionRange("0.17.0", "0.18.0")),
        ("99.0.1.dev0", VersionRange(None, None)),
    ],
)
def test_a_stated_release(version: str, expected: VersionRange) -> None:
    assert stated_range(version) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({*STATE_19, "best_global_step"}, VersionRange("4.50.0", None)),
        ({*STATE_19, "best_global_step", "new"}, VersionRange("4.50.0", None)),
        (set(STATE_19), VersionRange("4.41.0", "4.49.0")),
        (set(STATE_19) - {"stateful_callbacks"}, VersionRange("4.36.0", "4.40.2")),
        ({"best_global_step"}, None),
        (set(), None),
    ],
)
def test_trainer_states(held: set[str], expected: VersionRange | None) -> None:
    dated = transformers_range_from_state(held)
    assert (dated.range if dated else None) == expected


def test_sizes_of_the_state_key_sets() -> None:
    # Distinct key sets of public files: 13, 16, 18, 19 and 20 keys.
    assert [len(keys) for _, _, keys in state_keys().sets] == [13, 16, 18, 19, 20]


def test_a_state_without_an_older_key_is_of_no_release() -> None:
    held = frozenset({*STATE_19, "best_global_step"})
    assert state_keys().complete(held)
    assert state_keys().complete(frozenset(STATE_19))
    assert not state_keys().complete(held - {"epoch"})
    assert not is_trainer_state({"global_step", "log_history"})


@pytest.mark.parametrize(
    ("release", "count", "has", "lacks"),
    # Annotations of TrainingArguments in these wheels, without the private `_n_gpu` that 4.x has besides.
    [
        ("4.46.3", 131, "evaluation_strategy", "tp_size"),
        ("4.49.0", 131, "evaluation_strategy", "tp_size"),
        ("4.50.3", 132, "tp_size", "hub_revision"),
        ("4.51.3", 129, "tp_size", "evaluation_strategy"),
        ("4.52.4", 128, "use_ipex", "tp_size"),
        ("4.53.3", 130, "hub_revision", "parallelism_config"),
        ("4.57.1", 132, "project", "use_ipex"),
        ("5.23.0", 114, "activation_checkpointing", "warmup_ratio"),
    ],
)
def test_training_arguments(release: str, count: int, has: str, lacks: str) -> None:
    fields = argument_keys(PLAIN).at(release)
    assert fields is not None
    assert (len(fields), has in fields, lacks in fields) == (count, True, False)
    dated = transformers_range_from_arguments({*fields, "_n_gpu", "distributed_state", "own"}, PLAIN)
    assert dated is not None
    assert release in dated.range
    assert foreign_arguments({*fields, "_n_gpu", "distributed_state", "own"}, PLAIN) == {"own"}


def test_arguments_for_sequences_are_told_by_their_own_fields() -> None:
    fields = argument_keys(SEQ2SEQ).at("4.57.1")
    assert fields is not None
    assert "predict_with_generate" in fields
    dated = transformers_range_from_arguments(fields)
    assert dated is not None
    assert dated.range == VersionRange("4.57.0", "4.57.6")


def test_a_release_outside_the_table_has_no_key_set() -> None:
    assert lora().at("99.0.0") is None
    assert lora().at("0.15.0.dev0") is None


def test_model_classes() -> None:
    # models/gemma3 is in the wheel of 4.50.0 and not of 4.49.0, models/qwen3 in 4.51.0 and not in 4.50.3.
    assert transformers_min_for_class("Gemma3ForConditionalGeneration") == "4.50.0"
    assert transformers_min_for_class("Qwen3ForCausalLM") == "4.51.0"
    assert transformers_min_for_class("LlamaForCausalLM") is None
    assert transformers_min_for_class("NoSuchModel") is None


@pytest.mark.parametrize(
    ("name", "old", "new"),
    # Names of the same module in tiny models made with transformers 4.51.3 and 4.57.6.
    [
        (
            "Gemma3ForConditionalGeneration",
            "language_model.model.layers.0.self_attn.q_proj",
            "model.language_model.layers.0.self_attn.q_proj",
        ),
        (
            "Gemma3ForConditionalGeneration",
            "vision_tower.vision_model.encoder.layers.0.mlp.fc1",
            "model.vision_tower.vision_model.encoder.layers.0.mlp.fc1",
        ),
        (
            "Qwen2VLForConditionalGeneration",
            "model.layers.0.self_attn.q_proj",
            "model.language_model.layers.0.self_attn.q_proj",
        ),
    ],
)
def test_names_of_renamed_modules(name: str, old: str, new: str) -> None:
    renamed = renaming(name)
    assert renamed is not None
    assert (renamed.last, renamed.first) == ("4.51.3", "4.52.0")
    assert (renamed.is_old(old), renamed.is_new(old)) == (True, False)
    assert (renamed.is_old(new), renamed.is_new(new)) == (False, True)
    assert (renamed.is_old("lm_head"), renamed.is_new("lm_head")) == (False, False)


@pytest.mark.parametrize(
    "name", [None, "LlamaForCausalLM", "InternVLForConditionalGeneration", "NoSuchModel"]
)
def test_classes_without_older_names(name: str | None) -> None:
    # InternVL came with 4.52.0 itself; its mapping is for checkpoints of other code.
    assert renaming(name) is None


def test_a_number_of_thousands_of_digits_is_cut() -> None:
    assert version_key("1." + "9" * 5000 + ".2") == (1, 10**18 - 1, 2)
