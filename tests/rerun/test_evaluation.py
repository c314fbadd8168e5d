"""Runs that were evaluated, stopped early, or took their best checkpoint: what a rerun takes from their files."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Setting, Span
from auditor.rerun.judging.bounds import unlike
from auditor.rerun.judging.gaps import ROOT, committed_pairs
from auditor.rerun.judging.verdict import judge
from auditor.rerun.judging.weights_gap import weights_gap
from auditor.rerun.planning import spans
from auditor.rerun.planning.evaluation import loaded_step, passes, saving
from tests.builders.pickles import make_training_args
from tests.rerun import tiny_llama
from tests.rerun import variants as v

PROJECT = Path(__file__).resolve().parents[2]
LAST = "checkpoint-18/trainer_state.json"


def evaluated(files: v.Files, *rows: Mapping[str, object], path: str = LAST) -> v.Files:
    return v.with_json(files, path, lambda state: state["log_history"].extend(rows))


def passed(step: int, name: str = "") -> dict[str, object]:
    """A row as Trainer.evaluate logs it; with several evaluation sets each has a name (trainer.py, ``_evaluate``)."""
    return {f"eval_{name}loss": 6.0, f"eval_{name}runtime": 0.1, "epoch": 0.5, "step": step}


def arguments(files: v.Files, **values: object) -> v.Files:
    """The files with these values alone in every training_args.bin."""
    made = make_training_args(values)
    return {path: made if path.endswith("training_args.bin") else data for path, data in files.items()}


def test_each_pass_over_an_evaluation_set_is_counted() -> None:
    assert passes(v.run_of(v.committed())) == {}
    files = evaluated(
        v.committed(), passed(9), passed(9, "other_"), passed(18), {"train_loss": 6.0, "step": 18}
    )
    found = passes(v.run_of(files))
    assert found["evaluations"] == Setting({"9": 2, "18": 1}, f"{LAST}#/log_history")
    assert found["eval_strategy"].value == "steps"


@pytest.mark.parametrize("word", ["best", "SaveStrategy.BEST"])
def test_a_run_that_saved_when_better_is_trained_with_saves_by_steps(word: str) -> None:
    """A Trainer with this strategy and no metric does not begin (transformers 5.23.0, trainer.py, ``__init__``)."""
    known = v.plan_of_fixture().settings
    told = Setting(word, "training_args.bin#save_strategy")
    made = Setting("steps", "training_args.bin#save_strategy is best, and a rerun measures no metric")
    assert saving({**known, "save_strategy": told}) == {"save_strategy": made}
    assert saving(known) == {}


def test_the_longest_log_counts() -> None:
    files = evaluated(evaluated(v.committed(), passed(9)), passed(9), passed(18), path="trainer_state.json")
    assert passes(v.run_of(files))["evaluations"].value == {"9": 1, "18": 1}


@pytest.mark.parametrize(
    ("says", "best", "step"),
    [
        (True, "/out/checkpoint-9", 9),
        (True, "C:\\out\\checkpoint-9\\", 9),
        (False, "/out/checkpoint-9", None),
        (True, None, None),
        (True, "/out/final", None),
        (True, "checkpoint-" + "9" * 30, None),
    ],
)
def test_the_best_step_is_that_of_the_named_checkpoint(
    says: bool, best: str | None, step: int | None
) -> None:
    files = v.with_json(v.committed(), LAST, lambda state: state.update(best_model_checkpoint=best))
    assert loaded_step(v.run_of(arguments(files, load_best_model_at_end=says))) == step


def test_a_run_that_loaded_its_best_checkpoint_is_held_against_that_step() -> None:
    committed = v.committed()
    early = {path: committed[f"checkpoint-9/{path}"] for path in v.ADAPTER}
    rerun = v.output(committed)
    published = {**committed, **early}
    # Nothing says that the best was loaded: an older adapter is in the place of the last one.
    (root, *_) = committed_pairs(v.run_of(published), v.plan_of_fixture(), rerun)
    told = weights_gap(root)
    assert root.key == ROOT
    assert told is not None
    assert told.distance
    files = v.with_json(
        published, LAST, lambda state: state.update(best_model_checkpoint="/out/checkpoint-9")
    )
    run = v.run_of(arguments(files, load_best_model_at_end=True))
    (root, *_) = committed_pairs(run, v.plan_of_fixture(), rerun)
    gap = weights_gap(root)
    assert gap is not None
    assert (root.key, gap.step, gap.same) == (ROOT, 9, True)
    plan = v.plan_of_fixture()
    half = replace(plan, span="prefix", stop_at=8, parts=(Span(0, 8),))
    assert [pair.key for pair in committed_pairs(run, half, rerun)] == []
    later = replace(plan, span="segments", parts=(Span(9, 18, "checkpoint-9"),))
    assert [pair.key for pair in committed_pairs(run, later, rerun)] == ["checkpoint-18"]
    first = replace(plan, span="prefix", stop_at=9, parts=(Span(0, 9),))
    (root, *_) = committed_pairs(run, first, rerun)
    assert root.ours.one(AdapterWeights) is not None
    assert root.ours.one(TrainerState) is None, "the end of the run was not trained"


def test_a_run_made_the_steps_its_last_state_counts() -> None:
    assert spans.made(v.run_of(v.committed()), 18) == 18
    early = v.with_json(v.committed(), "trainer_state.json", lambda state: state.update(global_step=12))
    assert spans.made(v.run_of(early), 18) == 12
    further = v.with_json(v.committed(), "trainer_state.json", lambda state: state.update(global_step=20))
    assert spans.made(v.run_of(further), 18) == 18, "no more than its schedule"
    assert spans.made(v.run_of(v.without(v.committed(), "checkpoint-18", "trainer_state.json")), 18) == 18


def test_a_checkpoint_is_the_last_where_its_control_stops_training() -> None:
    gone = {path: data for path, data in v.committed().items() if not path.startswith("checkpoint-18/")}
    del gone["trainer_state.json"]

    def stop(state: dict[str, Any]) -> None:
        state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"] = True

    assert spans.made(v.run_of(gone), 18) == 18
    assert spans.made(v.run_of(v.with_json(gone, "checkpoint-9/trainer_state.json", stop)), 18) == 9


def test_evaluation_on_a_cpu_in_four_bits_excuses() -> None:
    plan = v.plan_of_fixture()
    run, ledger = v.run_of(v.committed()), v.ledger_of(v.committed())
    assert unlike(run, ledger, plan, v.ENVIRONMENT) is None
    told = replace(plan, settings={**plan.settings, "evaluations": Setting({"9": 1}, "x")})
    why = unlike(run, ledger, told, v.ENVIRONMENT)
    assert why is not None
    assert "evaluated between steps on a CPU" in why
    plain = {**told.settings, "quantization": Setting(None, "x")}
    assert unlike(run, ledger, replace(told, settings=plain), v.ENVIRONMENT) is None


def test_evaluations_are_named_as_not_compared() -> None:
    plan = v.plan_of_fixture()
    told = replace(
        plan,
        settings={
            **plan.settings,
            "evaluations": Setting({"9": 1}, "trainer_state.json#/log_history"),
            "quantization": Setting(None, "x"),
        },
    )
    found = judge(v.run_of(v.committed()), v.ledger_of(v.committed()), told, v.outputs())
    assert found.why == (
        "The recipe makes what could be compared, bit for bit, over the whole run; "
        "not compared: the evaluations in trainer_state.json."
    )


SETTINGS: dict[str, Any] = {
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.2,
    "target_modules": ["q_proj", "v_proj"],
    "per_device_train_batch_size": 2,
    "num_train_epochs": 2.0,
    "learning_rate": 2e-3,
    "logging_steps": 1,
    "save_steps": 100,
    "seed": 5,
    "optim": "adamw_torch",
}


def trained(base: Path, data: Path, folder: Path, strategy: str) -> list[dict[str, Any]]:
    """Trained by transformers with an evaluation set, in this process; the rows it logged."""
    import peft
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    rows = [tokenizer(json.loads(line)["text"])["input_ids"] for line in data.read_text("utf-8").splitlines()]

    def batch(features: list[dict[str, list[int]]]) -> dict[str, Any]:
        width = max(len(item["input_ids"]) for item in features)
        ids = torch.tensor([item["input_ids"] + [0] * (width - len(item["input_ids"])) for item in features])
        mask = torch.tensor(
            [[at < len(item["input_ids"]) for at in range(width)] for item in features]
        ).long()
        return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}

    keys = ("r", "lora_alpha", "lora_dropout", "target_modules")
    with tiny_llama.as_in_a_child():
        transformers.set_seed(5)
        model = transformers.AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
        transformers.set_seed(5)
        model = peft.get_peft_model(model, peft.LoraConfig(**{key: SETTINGS[key] for key in keys}))
        own = {key: value for key, value in SETTINGS.items() if key not in keys}
        options = transformers.TrainingArguments(
            str(folder), **own, eval_strategy=strategy, eval_steps=2, use_cpu=True, report_to="none"
        )
        examples = [{"input_ids": ids} for ids in rows]
        trainer = transformers.Trainer(
            model,
            options,
            batch,
            train_dataset=examples,
            eval_dataset=examples[:3],
            processing_class=tokenizer,
        )
        trainer.train()
        trainer.save_model()
    return list(trainer.state.log_history)


@pytest.mark.rerun
@pytest.mark.parametrize("strategy", ["steps", "epoch"])
def test_the_child_has_the_bits_of_a_run_that_was_evaluated(tmp_path: Path, strategy: str) -> None:
    base, data = tiny_llama.make_base(tmp_path / "base"), tiny_llama.make_rows(tmp_path / "rows.jsonl", 6)
    rows = trained(base, data, tmp_path / "theirs", strategy)
    steps = [str(row["step"]) for row in rows if "eval_runtime" in row]
    assert steps == (
        ["2", "4", "6"] if strategy == "steps" else ["3", "6"]
    )  # six rows, two a step, two epochs
    told = {"evaluations": dict.fromkeys(steps, 1), "eval_strategy": strategy}
    common = {"base": str(base), "data": str(data)}
    jobs = [
        {**common, "name": name, "output": str(tmp_path / name), "settings": {**SETTINGS, **more}}
        for name, more in (("told", told), ("untold", {}))
    ]
    order = tmp_path / "job.json"
    order.write_text(json.dumps({"version": 1, "threads": 1, "jobs": jobs}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "auditor.rerun.child", str(order)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs, ours, untold = (
        (tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("theirs", "told", "untold")
    )
    assert ours == theirs
    assert untold != theirs
