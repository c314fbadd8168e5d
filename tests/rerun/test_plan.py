"""Plans of the tiny fixture, whose recipe is in its README, and of edited copies with one thing changed each."""

import json
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from auditor.claims import Ledger, build
from auditor.engine._look import base_config
from auditor.errors import UsageError
from auditor.model import Evidence, RerunPlan, Setting, Status
from auditor.rerun.child.job import settings_from, total_steps
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.planned import plan_only
from auditor.rerun.session import rerun
from auditor.runs import group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.example_edits import pickled
from tests.builders.repositories import TINY_BASE, seed
from tests.rerun import variants as v

CHEETAH = "cheetah-fine-tuning-config.json"


def plan(files: v.Files | None = None, ledger: Ledger | None = None, **more: Any) -> RerunPlan:
    run = v.run_of(v.committed() if files is None else files)
    inputs: dict[str, Any] = {"base": TINY_BASE, "data": v.DATA, **more}
    return planning.build(run, ledger or build(run), **inputs)


def value(made: RerunPlan, key: str) -> object:
    return made.settings[key].value


def declared(**changed: object) -> v.Files:
    """The fixture with members of train_model_parameters changed in the declared configuration only."""
    return v.with_json(v.committed(), CHEETAH, lambda d: d["train_model_parameters"].update(changed))


def test_the_fixture_is_planned_as_its_readme_tells() -> None:
    made = plan()
    assert made.obstacles == ()
    assert (made.span, made.stop_at, made.total_steps) == ("whole", 18, 18)
    recipe = {
        "quantization": "int4",
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "compute_dtype": "float32",
        "r": 8,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "add_eos_token": True,
        "max_length": 64,
        "block_size": 64,
        "packing": True,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 2,
        "num_train_epochs": 1,
        "learning_rate": 2e-3,
        "lr_scheduler_type": "linear",
        "warmup_steps": 2,  # ceil(0.1 x 18)
        "seed": 42,
        "save_steps": 9,
        "max_steps": 18,
    }
    assert {key: value(made, key) for key in recipe} == recipe
    assert total_steps(36, settings_from({k: s.value for k, s in made.settings.items()})) == 18


def test_every_setting_says_where_it_comes_from() -> None:
    made = plan()
    assert made.settings["learning_rate"].source == "training_args.bin#learning_rate"
    assert made.settings["r"].source == "adapter_config.json#/r"
    assert made.settings["max_length"].source == f"{CHEETAH}#/tokenizer_parameters/max_length"
    assert made.settings["max_steps"].source == "checkpoint-18/trainer_state.json#/max_steps"
    assert made.settings["packing"].source.startswith("arithmetic: 96 rows as one example each give 48 steps")
    assumed = {key for key, setting in made.settings.items() if setting.assumed}
    unsaid = {"attn_implementation", "init_seed", "init_skip", "packing", "shuffle_seed"}
    unsaid |= {"pad_to_max_length", "pad_to_multiple_of"}
    assert assumed == unsaid


def test_the_child_accepts_every_setting() -> None:
    settings_from({key: setting.value for key, setting in plan().settings.items()})


def test_effective_outranks_declared_and_the_other_is_a_hypothesis() -> None:
    made = plan(declared(gradient_accumulation_steps=4, learning_rate=1e-4))
    assert value(made, "gradient_accumulation_steps") == 2
    assert value(made, "learning_rate") == 2e-3
    at = f"{CHEETAH}#/train_model_parameters"
    assert (
        f"gradient_accumulation_steps = 4 ({at}/gradient_accumulation_steps), where the plan takes 2 "
        "(training_args.bin#gradient_accumulation_steps)"
    ) in made.hypotheses
    assert any(says.startswith(f"learning_rate = 0.0001 ({at}/learning_rate)") for says in made.hypotheses)


def without_arguments(files: v.Files) -> v.Files:
    return v.without(files, "training_args.bin", v.event_path())


def test_declared_values_stand_in_when_nothing_else_is_there() -> None:
    made = plan(without_arguments(declared(learning_rate=1e-4)))
    assert value(made, "learning_rate") == 1e-4
    assert value(made, "warmup_steps") == 2
    assert (
        made.settings["warmup_steps"].source
        == f"{CHEETAH}#/train_model_parameters/warmup_ratio = 0.1 of 18 steps"
    )
    assert value(made, "quantization") == "int4"
    assert made.settings["quantization"].source == f"{CHEETAH}#/peft/quantization"
    assert value(made, "adam_beta1") == 0.9
    assert made.settings["adam_beta1"].source == "checkpoint-18/optimizer.pt was built with it"
    assert made.settings["data_seed"].source == "no file says it: default of TrainingArguments"
    assert (
        "no training_args.bin was read: declared values stand for what the trainer received"
        in made.hypotheses
    )


@pytest.mark.parametrize(("ratio", "steps"), [(0.1, 2), (0.05, 1), (0.5, 9), (0.0, 0)])
def test_a_warmup_ratio_becomes_steps(ratio: float, steps: int) -> None:
    # ceil(1.8), ceil(0.9), ceil(9.0) and 0, of 18 steps
    assert value(plan(without_arguments(declared(warmup_ratio=ratio))), "warmup_steps") == steps


def test_what_arithmetic_found_outranks_a_declared_accumulation() -> None:
    run = v.run_of(without_arguments(declared(gradient_accumulation_steps=4)))
    found = Evidence(
        "gradient_accumulation_steps",
        Status.CONTRADICTED,
        "128 tokens a step are 2 blocks of 64",
        value=2,
        id="batch",
    )
    made = planning.build(run, build(run).with_evidence((found,)), TINY_BASE, v.DATA)
    assert value(made, "gradient_accumulation_steps") == 2
    assert made.settings["gradient_accumulation_steps"].source == (
        "arithmetic (batch): 128 tokens a step are 2 blocks of 64"
    )
    assert any(says.startswith("gradient_accumulation_steps = 4") for says in made.hypotheses)


@pytest.mark.parametrize(
    ("finds", "taken", "other"),
    [(True, 3, "1 (training_args.bin"), (False, 1, "3 (checkpoint-18/trainer_state.json")],
    ids=["found", "kept"],
)
def test_the_batch_that_was_found_outranks_the_argument_and_one_of_before_does_not(
    finds: bool, taken: int, other: str
) -> None:
    """auto_find_batch_size lowers the batch of the state alone; a resume leaves there the batch of before."""
    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, lambda d: d.update(train_batch_size=3))
    for path in [path for path in files if path.endswith("training_args.bin")]:
        files[path] = pickled(files[path], "auto_find_batch_size", value=finds)
    made = plan(files)
    assert value(made, "per_device_train_batch_size") == taken
    assert any(says.startswith(f"per_device_train_batch_size = {other}") for says in made.hypotheses)


def test_declared_precision_decides_the_compute_type() -> None:
    made = plan(without_arguments(declared(mixed_precision="bf16")))
    assert value(made, "compute_dtype") == "bfloat16"
    assert made.settings["compute_dtype"].source == f"{CHEETAH}#/train_model_parameters/mixed_precision"


def test_rows_that_fit_the_steps_are_not_packed(tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text('{"text": "a"}\n' * 36)
    made = plan(data=data)
    assert value(made, "packing") is False
    assert made.coverage["rows"] == 1.0  # 18 steps x 2 x 1 of 36 rows


def test_packing_that_is_declared_is_not_guessed() -> None:
    made = plan(declared(packing=False))
    assert value(made, "packing") is False
    assert made.settings["packing"].source == f"{CHEETAH}#/train_model_parameters/packing"


@pytest.mark.parametrize(
    ("steps", "span", "stop_at"),
    [
        (None, "whole", 18),
        (18, "whole", 18),
        (500, "whole", 18),
        (17, "segments", 18),
        (9, "segments", 18),
        (5, "prefix", 5),
    ],
)
def test_the_span_ends_at_a_committed_moment_inside_the_budget(
    steps: int | None, span: str, stop_at: int
) -> None:
    made = plan(steps=steps)
    assert (made.span, made.stop_at, made.total_steps) == (span, stop_at, 18)
    assert value(made, "max_steps") == 18
    assert made.coverage["steps"] == pytest.approx(sum(part.stop - part.start for part in made.parts) / 18)


def test_files_beyond_the_span_are_not_covered() -> None:
    # 13 files hold something to compare: 2 at the root, 5 in each checkpoint, 1 event file; the segment from
    # step 9 reaches the root, checkpoint-18 and the events
    assert plan().coverage["files"] == 1.0
    assert plan(steps=9).coverage["files"] == pytest.approx(8 / 13)


def test_a_long_run_is_tried_between_its_checkpoints() -> None:
    def longer(state: dict[str, Any]) -> None:
        state.update(max_steps=450)
        state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"] = False

    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, longer)
    del files["trainer_state.json"]  # written after the last step, which this state would say is the 18th
    made = plan(files)
    assert (made.span, made.stop_at, made.total_steps) == ("segments", 18, 450)


def edit_adapter(**changed: object) -> v.Files:
    return v.with_json(v.committed(), "adapter_config.json", lambda d: d.update(changed))


@pytest.mark.parametrize(
    ("files", "obstacle"),
    [
        (edit_adapter(peft_type="IA3"), "adapter_config.json is of type IA3; only LORA is rerun"),
        (
            edit_adapter(lora_bias=True),
            "adapter_config.json sets lora_bias, which the reference training does not do",
        ),
        (
            edit_adapter(auto_mapping={"base_model_class": "LlamaForCausalLM", "parent_library": "x"}),
            (
                "adapter_config.json names the base class LlamaForCausalLM, "
                "the base given is a Gemma3ForConditionalGeneration"
            ),
        ),
        (
            v.with_json(v.committed(), CHEETAH, lambda d: d.update(trainer="dpo")),
            f"{CHEETAH} declares the trainer 'dpo', for which transformers' Trainer on rows of text does not stand",
        ),
        (
            without_arguments(declared(learning_rate="3e-5")),
            f"learning_rate: '3e-5' has the wrong type ({CHEETAH}#/train_model_parameters/learning_rate)",
        ),
        (
            {**v.committed(), "checkpoint-9/rng_state_1.pth": b""},
            "checkpoint-9/rng_state_1.pth shows more than one process; a rerun on one changes the arithmetic",
        ),
        (
            v.without(without_arguments(v.committed()), "trainer_state.json"),
            "no file says how many steps the schedule had (trainer_state.json would, as max_steps)",
        ),
    ],
    ids=["peft type", "extras", "class", "trainer", "type", "processes", "steps"],
)
def test_what_cannot_be_rerun_says_why(files: v.Files, obstacle: str) -> None:
    assert obstacle in plan(files).obstacles


def test_the_total_of_an_adapter_alone_follows_from_rows_and_epochs(tmp_path: Path) -> None:
    """96 rows in twos, three epochs: 3 x 48 steps. No file says whether rows were packed."""
    names = ("adapter_model.safetensors", "adapter_config.json")
    files = {path: data for path, data in declared(num_train_epochs=3).items() if path in (*names, CHEETAH)}
    run = v.run_of(files)
    made = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert made.obstacles == ()
    assert made.settings["max_steps"] == Setting(
        144, "arithmetic: 96 rows, one example each; no file says it", assumed=True
    )
    assert (made.settings["packing"].value, made.settings["packing"].assumed) == (False, True)
    assert made.total_steps == 144
    told = v.with_json(files, CHEETAH, lambda d: d["train_model_parameters"].update(packing=True))
    run = v.run_of(told)
    assert "max_steps" not in planning.build(run, build(run), TINY_BASE, v.DATA).settings


def test_a_repository_without_adapter_has_no_recipe() -> None:
    run = v.run_of(v.without(v.committed(), "adapter_config.json"))
    made = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert made.obstacles[0] == "no readable adapter_config.json says what was trained"


def test_base_and_data_are_needed(tmp_path: Path) -> None:
    made = plan(base=None, data=None)
    assert made.obstacles == (
        "no base model was given (--base DIR)",
        "no training data was given (--data PATH)",
    )
    made = plan(base=tmp_path, data=tmp_path)
    assert made.obstacles[0].endswith("holds no config.json, so it is not a base model's folder (--base DIR)")
    assert "is no file; give the .jsonl, .csv or .parquet file of rows (--data PATH)" in made.obstacles[1]


def test_a_base_of_another_commit_is_refused(tmp_path: Path) -> None:
    base = tmp_path / ("0" * 40)
    base.mkdir()
    (base / "config.json").write_text("{}")
    # the fixture's adapter_config.json records revision 030923d32612...
    assert (
        "the base model given is revision 000000000000, the run records 030923d32612"
        in plan(base=base).obstacles
    )


def test_a_base_of_another_width_is_refused() -> None:
    def narrow(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return array[:, :48] if name.endswith("layers.0.self_attn.q_proj.lora_A.weight") else array

    files = v.committed()
    files["adapter_model.safetensors"] = v.with_tensors(files["adapter_model.safetensors"], narrow)
    (says,) = plan(files).obstacles
    # base/config.json: hidden_size 64, 4 heads of head_dim 16
    assert says == (
        "model.language_model.layers.0.self_attn.q_proj takes 48 inputs and gives 64 outputs in the committed "
        "adapter, 64 and 64 in the base given"
    )


def test_a_base_of_fewer_layers_is_refused(tmp_path: Path) -> None:
    config = json.loads((TINY_BASE / "config.json").read_text())
    config["text_config"] |= {"num_hidden_layers": 1, "layer_types": config["text_config"]["layer_types"][:1]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    files = v.committed()
    run = group(read(memory_snapshot("candidate", dict(files))), base_config(tmp_path))[0]
    made = planning.build(run, build(run), tmp_path, v.DATA)
    assert (
        "model.language_model.layers.1.mlp.down_proj is in the committed adapter, and the base given has no layer 1"
        in made.obstacles
    )


def test_a_rerun_with_obstacles_does_not_start() -> None:
    run = v.run_of(v.committed())
    options = RerunOptions(data=v.DATA)
    assert plan_only(run, build(run), options).obstacles == ("no base model was given (--base DIR)",)
    with pytest.raises(UsageError) as raised:
        rerun(run, build(run), options)
    assert raised.value.message == "this run cannot be rerun: no base model was given (--base DIR)"


def test_the_real_case_is_planned_from_what_is_there() -> None:
    from auditor.runs import group, read

    run = group(read(seed()))[0]
    made = planning.build(run, build(run), TINY_BASE, v.DATA)
    # trainer_state.json of the real case: max_steps 450, train_batch_size 1; declared: int4, fp16, lr 3e-5, 0.1 warm-up
    recipe = {
        "max_steps": 450,
        "per_device_train_batch_size": 1,
        "quantization": "int4",
        "compute_dtype": "float16",
    }
    recipe |= {"learning_rate": 3e-05, "warmup_steps": 45, "task_type": None}
    assert {key: value(made, key) for key in recipe} == recipe
    assert (made.span, made.stop_at) == ("prefix", 200)
    # The adapter names Gemma3ForConditionalGeneration of 4 billion parameters; only the class can be told here.
    assert made.obstacles == ()
    assert any("per_device_train_batch_size = " in says for says in made.hypotheses)
