"""Runs made by scripts whose Trainer draws rows in another order, or takes another mean, than it does by itself.

They are judged with and without proof. The scripts use transformers, peft, datasets and torch alone; which row a step
drew, and of what a loss is the mean, is their own doing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from auditor.engine.audit import Options, look
from auditor.model import RerunResult, Verdict
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning.planned import plan_only
from auditor.rerun.session import rerun
from benchmarks.detection.judge import warm_children
from benchmarks.detection.recipe import Recipe
from benchmarks.detection.repository import card, cheetah
from tests.rerun import tiny_llama
from tests.rerun import variants as v

pytestmark = pytest.mark.rerun
ARGUMENTS = "training_args.bin"
IN_ORDER, SHUFFLED = "rows in file order", "rows shuffled beforehand by seed 42"
OWN_MEAN = "model_accepts_loss_kwargs = False"
SEEDED, PLAIN = "data_seed = 42", "rows drawn by torch's own RandomSampler"
RECIPE = Recipe(
    architecture="llama",
    seed=7,
    packing=False,
    eos=False,
    max_length=32,
    rank=4,
    alpha=8,
    dropout=0.1,
    targets=("q_proj", "v_proj"),
    batch=2,
    accumulation=1,
    save_steps=3,
)
ROWS = 12


@dataclass(frozen=True)
class Lab:
    """A base, rows, and the runs by name."""

    folder: Path
    runs: dict[str, v.Files]

    def judged(self, files: v.Files, *only: str, **more: Any) -> RerunResult:
        """The rerun without controls and, unless asked for, without noise: neither counts where bits agree.

        ``only`` names the readings that are left of the plan's, to save time.
        """
        base, data = self.folder / "base", self.folder / "rows.jsonl"
        side = look(v.snapshot(files), Options(base=base))
        run, ledger = side.runs[0], side.ledgers["."]
        usual = RerunOptions(base=base, data=data, repeats=1, controls=False, variation=False)
        options = replace(usual, **more)
        plan = plan_only(run, ledger, options)
        kept = tuple(item for item in plan.alternatives if not only or item.words in only)
        return rerun(run, ledger, options, plan=replace(plan, alternatives=kept))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("orders")
    tiny_llama.make_base(folder / "base")
    tiny_llama.make_rows(folder / "rows.jsonl", ROWS)
    runs = {
        "file order": trained(folder, "file-order", sampler="SequentialSampler"),
        "data_seed": trained(folder, "data-seed", data_seed=42),
        "shuffled": trained(folder, "shuffled", shuffle=42),
        "split": trained(folder, "split", hold_out=0.1),
        "backwards": trained(folder, "backwards", reverse=True),
        "own mean": trained(folder, "own-mean", own_mean=True, gradient_accumulation_steps=2),
        "plain": trained(folder, "plain", accelerator_config={"use_seedable_sampler": False}),
    }
    with pytest.MonkeyPatch.context() as patch, warm_children():
        patch.setenv("AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield Lab(folder, runs)


def trained(
    folder: Path,
    name: str,
    *,
    sampler: str | None = None,
    shuffle: int | None = None,
    hold_out: float | None = None,
    reverse: bool = False,
    own_mean: bool = False,
    **arguments: object,
) -> v.Files:
    """What a script pushes: what the Trainer leaves, a card, and the configuration of its platform."""
    import datasets
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "base")
    lines = (folder / "rows.jsonl").read_text("utf-8").splitlines()
    rows = datasets.Dataset.from_list([json.loads(line) for line in lines])
    rows = rows if shuffle is None else rows.shuffle(seed=shuffle)
    rows = rows if hold_out is None else rows.train_test_split(hold_out, seed=42)["train"]
    examples = [{"input_ids": tokenizer(row["text"])["input_ids"][:32]} for row in rows]
    output = folder / name
    with tiny_llama.as_in_a_child():
        trainer = transformers.Trainer(
            wrapped(folder / "base"),
            transformers.TrainingArguments(
                str(output),
                seed=7,
                learning_rate=RECIPE.rate,
                num_train_epochs=1,
                logging_steps=1,
                per_device_train_batch_size=2,
                save_steps=3,
                optim="adamw_torch",
                **{"use_cpu": True, "report_to": "tensorboard", "disable_tqdm": True, **arguments},
            ),
            batch_of,
            train_dataset=examples[::-1] if reverse else examples,
            processing_class=tokenizer,
        )
        if sampler is not None:
            trainer._get_train_sampler = lambda *_: getattr(torch.utils.data, sampler)(examples)
        if own_mean:  # what a Trainer has whose loss takes no number of labels
            trainer.model_accepts_loss_kwargs = False
        trainer.train()
        trainer.save_model()
        trainer.save_state()
    files = {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in output.rglob("*")
        if path.is_file() and not path.name.startswith("tokenizer") and path.name != "README.md"
    }
    recipe = replace(RECIPE, accumulation=int(str(arguments.get("gradient_accumulation_steps", 1))))
    declared = {
        "README.md": card(recipe).encode(),
        "cheetah-fine-tuning-config.json": json.dumps(cheetah(recipe)).encode(),
    }
    return {**files, **declared}


def wrapped(base: Path) -> Any:
    import peft
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    transformers.set_seed(7)
    config = peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.1, target_modules=list(RECIPE.targets), task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(model, config)
    model.peft_config["default"].base_model_name_or_path = RECIPE.name
    return model


def batch_of(features: list[dict[str, list[int]]]) -> dict[str, Any]:
    import torch

    width = max(len(one["input_ids"]) for one in features)
    ids = torch.tensor([one["input_ids"] + [0] * (width - len(one["input_ids"])) for one in features])
    mask = torch.tensor([[at < len(one["input_ids"]) for at in range(width)] for one in features]).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def untold(files: v.Files) -> v.Files:
    """The run without its arguments, and without the event file, which holds them too."""
    return {
        path: data
        for path, data in files.items()
        if path.split("/")[-1] != ARGUMENTS and "tfevents" not in path
    }


def test_file_order_that_no_file_tells_is_as_honest(lab: Lab) -> None:
    result = lab.judged(untold(lab.runs["file order"]), IN_ORDER, SHUFFLED)
    assert result.verdict is Verdict.IDENTICAL
    assert result.nearest == "identical with rows in file order"
    assert result.why.endswith("With rows in file order, which no file decides.")


def test_file_order_where_the_arguments_say_random_is_a_divergence_with_its_name(lab: Lab) -> None:
    result = lab.judged(lab.runs["file order"], variation=True)
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest == "identical with rows in file order"


def test_an_order_that_is_no_reading_is_a_divergence_without_a_name(lab: Lab) -> None:
    """Backwards through the file, where the arguments say that the Trainer drew at random."""
    result = lab.judged(lab.runs["backwards"], IN_ORDER, SHUFFLED, SEEDED, variation=True)
    assert (result.verdict, result.nearest) == (Verdict.DIVERGED, None)
    # Each is refuted at its first loss, none is trained to the end.
    assert {item.says for item in result.controls} == {
        f"{words} (up to step 1)" for words in (IN_ORDER, SHUFFLED, SEEDED)
    }


def test_another_data_seed_that_no_file_tells_is_as_honest(lab: Lab) -> None:
    result = lab.judged(untold(lab.runs["data_seed"]), IN_ORDER, SEEDED)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, "identical with data_seed = 42")


def test_rows_shuffled_beforehand_are_as_honest_as_those_that_were_not(lab: Lab) -> None:
    result = lab.judged(lab.runs["shuffled"], IN_ORDER, SHUFFLED)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, f"identical with {SHUFFLED}")


def test_rows_held_out_of_the_file_that_is_given(lab: Lab) -> None:
    """A tenth of 12 rows, rounded up, are 2; the other 10 make 5 steps, where all make 6."""
    words = "2 of 12 rows held out by train_test_split with seed 42"
    result = lab.judged(lab.runs["split"], words, "the first 10 of 12 rows", IN_ORDER)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, f"identical with {words}")
    assert result.plan.settings["used_rows"].value == [2, 12]


def test_torchs_own_sampler_is_another_reading_and_followed_where_it_is_declared(lab: Lab) -> None:
    result = lab.judged(untold(lab.runs["plain"]), IN_ORDER, PLAIN)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, f"identical with {PLAIN}")
    declared = lab.judged(lab.runs["plain"])
    assert (declared.verdict, declared.nearest) == (Verdict.IDENTICAL, None)


def test_a_segment_goes_on_in_file_order(lab: Lab) -> None:
    result = lab.judged(untold(lab.runs["file order"]), IN_ORDER, span="3..6")
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, f"identical with {IN_ORDER}")
    assert result.plan.trained[0].resume == "checkpoint-3"


def test_the_mean_of_each_micro_batch_is_as_honest_as_that_of_a_whole_step(lab: Lab) -> None:
    result = lab.judged(lab.runs["own mean"], OWN_MEAN)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, f"identical with {OWN_MEAN}")
    assert result.why.endswith(f"With {OWN_MEAN}, which no file decides.")


def test_another_mean_excuses_no_other_weights(lab: Lab) -> None:
    files = lab.runs["own mean"]
    weights = tuple(path for path in files if path.endswith(v.ADAPTER[0]))
    result = lab.judged(v.scaled(files, 0.01, weights), OWN_MEAN, variation=True)
    assert result.verdict is Verdict.DIVERGED
    tried = [item.verdict for item in result.controls if item.says.startswith(OWN_MEAN)]
    assert tried == [Verdict.DIVERGED]
