"""Rules made for one platform are silent where another means something else: each guard with the file that shows it."""

import pytest

from auditor.engine._feed import run_checks
from auditor.engine._rules import rules
from auditor.engine.audit import Options, look
from auditor.model import Severity, Snapshot
from auditor.policy import Policy
from tests.builders.platforms import AUTOTRAIN, AXOLOTL, CHEETAH, LLAMA_FACTORY, MS_SWIFT, TRL, with_config
from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, WARNING, found, reasons

PARAMS = "training_params.json"


def autotrain(**changes: object) -> Snapshot:
    return with_config(PARAMS, {**AUTOTRAIN, **changes})


def text(content: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    return content


def test_logging_steps_minus_one_is_autotrains_word_for_automatic() -> None:
    assert found("negative-logging-steps", autotrain(logging_steps=-1)) == []
    # To LLaMA-Factory it is the trainer's argument.
    plain = text(LLAMA_FACTORY, ("logging_steps: 1", "logging_steps: -1"))
    assert len(found("negative-logging-steps", with_config("train.yaml", plain))) == 1


def test_autotrain_evaluates_only_with_a_split_of_its_own() -> None:
    assert found("evaluation-without-data", autotrain(eval_strategy="epoch", valid_split=None)) == []


def test_trl_has_a_split_to_evaluate_on_by_default() -> None:
    assert found("evaluation-without-data", with_config("sft.yaml", TRL)) == []


def test_llama_factory_needs_data_to_evaluate_on() -> None:
    steps = text(LLAMA_FACTORY, ("eval_strategy: no", "eval_strategy: steps"))
    assert len(found("evaluation-without-data", with_config("train.yaml", steps))) == 1
    assert found("evaluation-without-data", with_config("train.yaml", steps + "val_size: 0.1\n")) == []


def test_old_names_of_evaluation_are_autotrains_own() -> None:
    old = {key: value for key, value in AUTOTRAIN.items() if key != "eval_strategy"}
    assert (
        found(
            "evaluation-strategy-removed",
            with_config(PARAMS, {**old, "evaluation_strategy": "epoch", "valid_split": "test"}),
        )
        == []
    )
    handed_over = text(LLAMA_FACTORY, ("eval_strategy: no", "evaluation_strategy: steps"))
    assert len(found("evaluation-strategy-removed", with_config("train.yaml", handed_over))) == 1


def test_a_platform_of_public_source_loads_the_base_as_declared() -> None:
    no_events = {"without": ["runs/"]}
    snapshot = with_config(PARAMS, AUTOTRAIN, **no_events)
    assert reasons("quantization-unattested", snapshot) == [
        "AutoTrain loads the base as declared, and no file of the run shows it"
    ]
    # Where the event file says another, it is contradicted as anywhere else.
    (loud,) = found("quantization-unattested", autotrain(quantization="int8"))
    assert loud.severity is ERROR


def test_without_peft_autotrain_quantizes_nothing() -> None:
    assert reasons("quantization-unattested", autotrain(peft=False, quantization="int8")) == [
        "no quantization is declared"
    ]


def test_a_dump_of_all_arguments_declares_nothing_twice() -> None:
    both = {**MS_SWIFT, "model_id_or_path": "elsewhere/x", "batch_size": 7}
    assert found("concept-declared-twice", with_config("args.json", both)) == []
    twice = text(LLAMA_FACTORY, ("eval_strategy: no", "eval_strategy: no\nevaluation_strategy: steps"))
    assert len(found("concept-declared-twice", with_config("train.yaml", twice))) == 1


def test_texts_that_a_platform_converts_are_no_riddles() -> None:
    assert found("string-where-null-or-boolean", autotrain(unsloth="false", chat_template="none")) == []
    strict = text(LLAMA_FACTORY, ("plot_loss: true", "plot_loss: 'false'\ndeepspeed: None"))
    (only,) = found("string-where-null-or-boolean", with_config("train.yaml", strict))
    assert only.message == (
        '2 values are strings where null or a boolean is meant: plot_loss "false" and deepspeed "None"'
    )


def test_do_predict_is_llama_factorys_own() -> None:
    own = text(LLAMA_FACTORY, ("do_train: true", "do_train: true\ndo_predict: true"))
    assert found("do-predict-inert", with_config("train.yaml", own)) == []
    assert len(found("do-predict-inert", with_config("sft.yaml", TRL + "do_predict: true\n"))) == 1


def test_paths_in_files_for_public_platforms_are_the_authors_own_machine() -> None:
    home = text(LLAMA_FACTORY, ("saves/output", "/root/autodl-tmp/output"))
    assert found("infrastructure-published", with_config("train.yaml", home)) == []


def test_an_adapter_that_a_config_handed_in_asks_for_may_be_elsewhere() -> None:
    kind = text(LLAMA_FACTORY, ("finetuning_type: lora", "finetuning_type: full"))
    (only,) = found("adapter-not-as-declared", with_config("train.yaml", kind))
    assert only.severity is WARNING
    (loud,) = found("adapter-not-as-declared", autotrain(peft=False))
    assert loud.severity is ERROR


def test_a_merged_model_has_no_adapter_beside_its_configuration() -> None:
    gone = ["adapter_config.json", "adapter_model.safetensors", "checkpoint-9/", "checkpoint-18/"]
    bare = with_config(PARAMS, AUTOTRAIN, without=gone)
    assert len(found("adapter-not-as-declared", bare)) == 1
    merged = with_config(PARAMS, AUTOTRAIN, without=gone, data={"model.safetensors.index.json": b"{}"})
    assert reasons("adapter-not-as-declared", merged) == [
        "a whole model lies in the run's folder, into which the adapter may have been merged"
    ]


def test_a_whole_models_config_in_the_adapters_place_is_one_finding_with_what_was_declared() -> None:
    llama = '{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}'
    named = text(AXOLOTL, ("./tiny/output", "fine-tuning/output"))
    paths = [f"{folder}adapter_config.json" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    snapshot = healthy(without=[CHEETAH], text={"sql.yml": named, **dict.fromkeys(paths, llama)})
    assert {item.evidence for item in found("adapter-config-unusable", snapshot)} == {
        ("sql.yml declares an adapter of rank 8",)
    }
    assert found("adapter-not-as-declared", snapshot) == []


def test_another_base_in_a_config_handed_in_is_reported_once() -> None:
    # It names the run's folder (training_args.bin: fine-tuning/output) and another model.
    other = text(
        AXOLOTL, ("tiny-labs/tiny-gemma3", "other/model-7b"), ("./tiny/output", "fine-tuning/output")
    )
    side = look(with_config("config.yml", other), Options())
    loud = [
        f for f in run_checks(side, list(rules().values()), Policy()).findings if f.severity > Severity.NOTE
    ]
    assert [f.rule for f in loud] == ["config-not-of-this-run"]


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-7B", "/mnt/cache/Qwen/Qwen2___5-7B"])
def test_modelscopes_cache_spells_a_dot_as_three_underscores(name: str) -> None:
    folders = ("", "checkpoint-9/", "checkpoint-18/")
    edits = {f"{folder}adapter_config.json": {"/base_model_name_or_path": name} for folder in folders}
    declared = {**MS_SWIFT, "model": "Qwen/Qwen2.5-7B"}
    snapshot = with_config("args.json", declared, json_edits=edits)
    assert found("base-path-differs-from-declared", snapshot) == []
