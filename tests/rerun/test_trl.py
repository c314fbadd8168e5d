"""TRL's trainers: honest runs that TRL itself made are made again; what a run asks of them is planned and refused."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.engine._look import base_config
from auditor.errors import UsageError
from auditor.model import RerunPlan, RerunResult, Setting, Verdict
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions, silent
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import trainers
from auditor.rerun.session import rerun
from auditor.runs import Run, group, read
from auditor.sources import directory
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import tiny_llama
from tests.rerun import variants as v
from tests.rerun.whole import experiment_of

SFT, DPO = "trl.trainer.sft_config.SFTConfig", "trl.trainer.dpo_config.DPOConfig"
PLAIN = {
    "optim": "adamw_torch",
    "max_steps": 18,
    "packing": False,
    "max_length": 48,
    "dataset_text_field": "text",
}


def made_by(class_name: str, **values: object) -> v.Files:
    """The fixture with the arguments of another trainer, and without a quantised base."""
    files = v.without(v.committed(), v.event_path())
    files["training_args.bin"] = make_training_args({**PLAIN, **values}, class_name)
    for folder in ("checkpoint-9", "checkpoint-18"):
        files[f"{folder}/training_args.bin"] = files["training_args.bin"]
    config = "cheetah-fine-tuning-config.json"
    return v.without(files, config)


def test_a_column_that_was_not_named_is_the_usual_one() -> None:
    """SFTConfig before trl 0.12 has ``dataset_text_field = None`` where a script formats rows by a function."""
    pytest.importorskip("trl")
    made = plan(made_by(SFT, dataset_text_field=None))
    assert made.settings["text_column"].value == "text"
    assert made.settings["trainer_arguments"].value == {"max_length": 48, "packing": False}
    assert not any("text_column" in item for item in made.obstacles)


def plan(files: v.Files, **more: Any) -> RerunPlan:
    run = v.run_of(files)
    return planning.build(run, build(run), **{"base": TINY_BASE, "data": v.DATA, **more})


def without_trl(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainers, "installed", lambda name: not trainers.TRAINERS[name].needs)


@pytest.fixture
def with_trl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers, "installed", lambda name: True)


@pytest.mark.usefixtures("with_trl")
def test_the_class_of_the_arguments_chooses_trl() -> None:
    files = made_by(SFT)
    made = plan(files)
    assert made.settings["trainer"].value == "sft"
    assert made.settings["trainer"].source == "training_args.bin is of TRL's SFTTrainer"
    assert made.settings["trainer_arguments"].value == {
        "max_length": 48,
        "packing": False,
        "dataset_text_field": "text",
    }
    assert not {"add_eos_token", "init_seed"} & set(made.settings)
    assert {part.resume for part in plan(files, steps=9).parts} == {"checkpoint-9"}


@pytest.mark.usefixtures("with_trl")
def test_where_trl_cannot_the_reference_stands_in() -> None:
    """TRL refuses an adapter on lm_head (trl 1.16.0, trainer/sft_trainer.py)."""
    files = made_by(SFT)
    for path in [path for path in files if path.endswith("adapter_config.json")]:
        files = v.with_json(files, path, lambda d: d.update(target_modules=["q_proj", "lm_head"]))
    taken = plan(files).settings["trainer"]
    assert (taken.value, taken.assumed) == ("reference", True)
    assert taken.source.startswith(
        "training_args.bin is of TRL's SFTTrainer, the reference pipeline stands in: "
    )
    assert any("which TRL's SFTTrainer refuses" in item for item in plan(files, trainer="sft").obstacles)


def test_without_trl_the_reference_stands_in_and_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    without_trl(monkeypatch)
    run, made = v.run_of(made_by(SFT)), plan(made_by(SFT))
    assert made.settings["trainer"].value == "reference"
    assert trainers.stands_in(run, made, {}) == (
        "the run was made by TRL's SFTTrainer and this rerun by transformers' Trainer on rows of text"
    )
    assert any("the trainer dpo needs trl" in item for item in plan(made_by(DPO)).obstacles)


def test_the_trainer_that_made_a_run_excuses_nothing() -> None:
    run = v.run_of(v.committed())
    made = plan(v.committed())
    assert made.settings["trainer"].source == "training_args.bin is of TrainingArguments"
    assert trainers.stands_in(run, made, {}) is None


def test_unsloth_has_its_own_kernels() -> None:
    files = made_by("UnslothSFTTrainer.UnslothSFTConfig")
    says = trainers.stands_in(v.run_of(files), plan(files, trainer="reference"), {})
    assert says is not None
    assert says.startswith("the run was made by unsloth, which has its own kernels")


def test_a_trainer_that_is_not_rerun_and_one_that_does_not_exist() -> None:
    obstacles = plan(made_by("trl.trainer.kto_config.KTOConfig")).obstacles
    assert any(
        item.startswith("the run was made by TRL's KTO trainer; only SFT and DPO") for item in obstacles
    )
    with pytest.raises(UsageError, match="there is no trainer 'ppo'"):
        plan(v.committed(), trainer="ppo")
    with pytest.raises(UsageError, match="the trainer is the command, and none was given"):
        plan(v.committed(), trainer="command")


def test_code_of_a_repository_is_never_run() -> None:
    obstacles = plan(made_by(SFT, trust_remote_code=True)).obstacles
    says = "training_args.bin sets trust_remote_code: the run executed a repository's code, which is never done here"
    assert says in obstacles


ROWS = {
    "no.jsonl": ('{"words": "a"}\n', "no.jsonl: row 0 has neither text in column 'text' nor messages"),
    "late.jsonl": (
        '{"text": "a"}\n{"text": null}\n',
        "late.jsonl: row 1 has neither text in column 'text' nor messages",
    ),
    "empty.jsonl": ('{"text": ""}\n{"text": " "}\n', "every row of empty.jsonl is empty"),
    "none.jsonl": ("", "none.jsonl holds no rows"),
    "broken.jsonl": ('{"text": "a"}\n{"te', "broken.jsonl: line 2 is not JSON"),
    "rows.txt": ("a\n", "rows.txt: rows are read from .jsonl, .csv and .parquet files only"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_cannot_be_trained_on_are_named_before_training(tmp_path: Path, name: str) -> None:
    content, says = ROWS[name]
    (tmp_path / name).write_text(content)
    assert says in plan(v.committed(), data=tmp_path / name).obstacles


@pytest.mark.usefixtures("with_trl")
def test_dpo_names_the_column_that_is_missing(tmp_path: Path) -> None:
    data = tmp_path / "pairs.jsonl"
    data.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n{"prompt": "a", "chosen": "b"}\n')
    assert "pairs.jsonl: row 1 has no column 'rejected'" in plan(made_by(DPO), data=data).obstacles


def test_fewer_rows_than_the_recorded_steps_need(tmp_path: Path) -> None:
    data = tmp_path / "few.jsonl"
    data.write_text('{"text": "a"}\n' * 10)
    config = "cheetah-fine-tuning-config.json"
    files = v.with_json(v.committed(), config, lambda d: d["train_model_parameters"].update(packing=False))
    # 10 rows, one a micro-batch, two micro-batches a step, one epoch: 5 steps
    says = (
        "the data has 10 rows, which make 5 steps in 1 epochs without packing "
        f"({config}#/train_model_parameters/packing); the run had 18"
    )
    assert says in plan(files, data=data).obstacles
    data.write_text('{"text": "a"}\n' * 36)
    assert not any("the data has" in item for item in plan(files, data=data).obstacles)


def test_parent_and_child_know_the_same_trainers() -> None:
    from auditor.rerun.child import job

    folder = Path(job.__file__).with_name("trainers")
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == set(job.TRAINERS) == set(trainers.TRAINERS) - {"command"}


@dataclass(frozen=True)
class Lab:
    folder: Path
    base: Path

    def judged(self, name: str, data: Path, span: str = "auto") -> RerunResult:
        run = run_of(self.folder / name, self.base)
        options = RerunOptions(base=self.base, data=data, repeats=1, variation=False, span=span)
        return rerun(run, build(run), replace(options, controls=False, hypotheses=False))


def run_of(folder: Path, base: Path) -> Run:
    return group(read(directory.snapshot(folder)), base_config(base))[0]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("trl", reason="TRL is not installed")
    folder = tmp_path_factory.mktemp("trl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("AUDIT_CACHE_DIR", str(folder / "cache"))
        yield Lab(folder, tiny_llama.make_base(folder / "base"))


COMMON: dict[str, Any] = {
    "max_steps": 4,
    "per_device_train_batch_size": 2,
    "learning_rate": 2e-3,
    "save_steps": 2,
    "logging_steps": 1,
    "max_length": 32,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "use_cpu": True,
}


def train(kind: Any, arguments: Any, base: Path, rows: list[dict[str, str]], **loading: Any) -> None:
    """A run as TRL's own examples make it."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager", **loading)
    trainer = kind(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()


def assert_made_again(result: RerunResult, trainer: str) -> None:
    assert result.plan.settings["trainer"].value == trainer
    assert result.verdict is Verdict.IDENTICAL
    assert {item.verdict for item in result.aspects if item.aspect == "weights"} == {Verdict.IDENTICAL}


@pytest.mark.rerun
def test_a_run_of_the_sft_trainer_is_made_again(lab: Lab) -> None:
    data = tiny_llama.make_rows(lab.folder / "rows.jsonl")
    with tiny_llama.as_in_a_child():
        from trl import SFTConfig, SFTTrainer

        rows = [json.loads(line) for line in data.read_text().splitlines()]
        arguments = SFTConfig(output_dir=str(lab.folder / "sft"), packing=False, **COMMON)
        train(SFTTrainer, arguments, lab.base, rows)
        faster = SFTConfig(
            output_dir=str(lab.folder / "forged"), packing=False, **{**COMMON, "learning_rate": 2.2e-3}
        )
        train(SFTTrainer, faster, lab.base, rows)
    assert_made_again(lab.judged("sft", data), "sft")
    parts = lab.judged("sft", data, span="segments")
    assert [part.resume for part in parts.plan.parts] == [None, "checkpoint-2"]
    assert_made_again(parts, "sft")
    # Another rate under the honest arguments: the same plan, whose training the cache holds.
    for path in (lab.folder / "forged").rglob("training_args.bin"):
        shutil.copy(lab.folder / "sft" / path.relative_to(lab.folder / "forged"), path)
    forged = lab.judged("forged", data)
    # Adam moves a weight by about its rate a step: 10 % more moves the update by about a tenth of itself.
    assert max(item.distance or 0.0 for item in forged.aspects if item.aspect == "weights") > 0.05
    assert {item.verdict for item in forged.aspects if item.aspect == "scheduler"} == {Verdict.DIVERGED}


@pytest.mark.rerun
def test_a_run_on_a_quantised_base_is_made_again_and_a_difference_is_no_proof(lab: Lab) -> None:
    """NF4 by the script, adapter in bfloat16 by TRL; no file records either, so the plan is given the first."""
    data = tiny_llama.make_rows(lab.folder / "quantised.jsonl")
    with tiny_llama.as_in_a_child():
        from transformers import BitsAndBytesConfig
        from trl import SFTConfig, SFTTrainer

        rows = [json.loads(line) for line in data.read_text().splitlines()]
        nf4 = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype="float32",
        )
        arguments = SFTConfig(output_dir=str(lab.folder / "nf4"), packing=False, **COMMON)
        train(SFTTrainer, arguments, lab.base, rows, quantization_config=nf4, device_map={"": "cpu"})
    run = run_of(lab.folder / "nf4", lab.base)
    options = RerunOptions(base=lab.base, data=data, repeats=1, variation=False)
    made = planning.build(run, build(run), lab.base, data)
    made = replace(made, settings={**made.settings, "quantization": Setting("int4", "the test")})
    outputs = experiment_of(made, options, silent, lab.folder / "made", "cpu")
    result = judge(run, build(run), made, outputs)
    assert {item.verdict for item in result.aspects if item.aspect == "weights"} == {Verdict.IDENTICAL}
    assert trainers.stands_in(run, made, {}) == (
        "TRL leaves it to the script whether a quantised base is prepared, and no file says it was"
    )


@pytest.mark.rerun
def test_a_run_of_the_dpo_trainer_is_made_again(lab: Lab) -> None:
    rows = [
        {
            "prompt": f"river stone {n % 3}",
            "chosen": f" lamp garden {n}",
            "rejected": f" winter market {n * 7}",
        }
        for n in range(8)
    ]
    data = lab.folder / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with tiny_llama.as_in_a_child():
        from trl import DPOConfig, DPOTrainer

        arguments = DPOConfig(output_dir=str(lab.folder / "dpo"), beta=0.2, **COMMON)
        train(DPOTrainer, arguments, lab.base, rows)
    result = lab.judged("dpo", data)
    assert_made_again(result, "dpo")
    found = result.plan.settings["trainer_arguments"].value
    assert isinstance(found, dict)
    assert found["beta"] == 0.2


PAIRS = ("rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen")


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (PAIRS, "DPO"),
        ((*PAIRS, "nll_loss", "log_odds_ratio", "log_odds_chosen"), "ORPO"),
        ((*PAIRS, "odds_ratio_loss"), "ORPO"),
        ((*PAIRS, "kl"), "KTO"),
        (("reward", "reward_std", "rewards/accuracy/mean", "kl"), "GRPO"),
    ],
    ids=["DPO", "ORPO", "ORPO of LLaMA-Factory", "KTO", "GRPO"],
)
def test_a_log_tells_trainers_of_preferences_apart(keys: tuple[str, ...], kind: str) -> None:
    """trl 0.12.2 to 1.16.0, `get_batch_loss_metrics` and `_metrics` of each trainer; none names itself there."""
    files = v.without(v.committed(), "training_args.bin", "checkpoint-9/training_args.bin")
    files = v.without(files, "checkpoint-18/training_args.bin")

    def log(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            row.update(dict.fromkeys(keys, 0.1))

    for path in v.STATES:
        files = v.with_json(files, path, log)
    run = v.run_of(files)
    assert trainers.made_by(run) == kind
    refused = list(trainers.refusals(run, trainers.choose(run), None))
    assert any(f"TRL's {kind} trainer" in says for says in refused) is (kind != "DPO")


def test_a_class_of_axolotl_names_its_trainer_too() -> None:
    files = made_by("axolotl.core.training_args.AxolotlORPOConfig")
    assert trainers.made_by(v.run_of(files)) == "ORPO"
    plain = made_by("axolotl.core.training_args.AxolotlTrainingArguments")
    assert trainers.made_by(v.run_of(plain)) is None
