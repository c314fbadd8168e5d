"""Trains the fifth blind set's runs; it knows nothing of what judges them.

``python -m benchmarks.detection.fifth.trainer ORDER.json`` in the folder of the inputs, as the other sets' trainers;
with a second argument the order is one run, and this is one of two processes that train it.
"""

import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.detection import trainer as plain
from benchmarks.detection.blind import trainer as blind
from benchmarks.detection.fifth import endings, habits
from benchmarks.detection.fifth.models import examples, load, tokenizer_of, until, wrapped
from benchmarks.detection.fifth.training import Run, run_of
from benchmarks.detection.fourth.trainer import UNSEEDED
from benchmarks.detection.inputs import data_path

HERE = Path()


def trainer_of(run: Run, output: Path, *watchers: Any) -> Any:
    """A Trainer that has not begun."""
    tokenizer = tokenizer_of(run)
    rows: Any = examples(run, tokenizer)
    model = _warmed(run, output, rows) if run.warm else wrapped(run, rows)
    if run.ending == "converts":
        endings.keep_first(model, output)
    more: dict[str, Any] = {"eval_dataset": rows[:8]} if run.evaluates else {}
    if run.evaluates == "score":
        more["compute_metrics"] = lambda _: {"score": 0.0}
    return (habits.Small if run.habit == "out of memory" else transformers.Trainer)(
        model=model,
        args=blind.arguments(run, output),
        train_dataset=_streamed(rows) if run.by == "stream" else rows,
        data_collator=blind.collator(run, tokenizer, rows),
        processing_class=tokenizer,
        callbacks=[*watchers, *([habits.ZeroRate()] if run.habit == "zero rate" else [])],
        **more,
    )


def _streamed(rows: Any) -> Any:
    import datasets

    return datasets.Dataset.from_list(rows).to_iterable_dataset()


def _warmed(run: Run, output: Path, rows: Any) -> Any:
    """A model whose adapter is that of a first stage: six steps on other data."""
    aside = output.with_name("aside")
    stage = replace(run, data="other", max_steps=6, seed=77, warm=False)
    trainer = trainer_of(stage, aside)
    trainer.train()
    shutil.rmtree(aside, ignore_errors=True)
    return trainer.model


def by_trl(run: Run, output: Path) -> Any:
    """TRL's trainers on the file's own columns; they wrap the model before anything is seeded."""
    import datasets
    import trl

    rows = [json.loads(line) for line in data_path(HERE, run.data).read_text("utf-8").splitlines()]
    torch.manual_seed(UNSEEDED)
    told = replace(run, more=json.dumps({**json.loads(run.more), **json.loads(run.sft)}))
    kind, config = (trl.DPOTrainer, trl.DPOConfig) if run.by == "dpo" else (trl.SFTTrainer, trl.SFTConfig)
    trainer = kind(
        model=load(run),
        args=blind.arguments(told, output, config),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer_of(run),
        peft_config=blind.adapter(run),
    )
    trainer.model.peft_config["default"].base_model_name_or_path = run.name
    return trainer


def trained(run: Run, output: Path) -> Any:
    """A Trainer that is done."""
    if run.by in ("sft", "dpo"):
        trainer = by_trl(run, output)
        trainer.train_result = trainer.train()
        return trainer
    if run.resume_at is not None:
        before = until(run)
        trainer_of(before, output, plain.StopsAt(run.resume_at)).train()
        if before.rate != run.rate:
            blind._at_rate(output / f"checkpoint-{run.resume_at}", run.rate / before.rate)
    average = habits.Average()
    trainer = trainer_of(run, output, *([average] if run.habit == "average" else []))
    trainer.train_result = trainer.train(resume_from_checkpoint=_last(output))
    trainer.average = average
    return trainer


def _last(output: Path) -> str | None:
    found: str | None = (
        transformers.trainer_utils.get_last_checkpoint(str(output)) if output.is_dir() else None
    )
    return found


def by_two(run: Run, output: Path) -> None:
    """Two processes of this module."""
    order = output.with_name("two.json")
    order.write_text(json.dumps({name: getattr(run, name) for name in Run.__dataclass_fields__}), "utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", __spec__.name]
    subprocess.run([sys.executable, *launcher, str(order), str(output)], check=True)
    order.unlink()


def train(run: Run, output: Path) -> None:
    """Train one run into a folder: everything that the trainer writes, and what the script does at the end."""
    torch.set_num_threads(1)
    trainer = trained(run, output)
    trainer.save_model()
    trainer.save_state()
    if run.habit == "average":
        endings.averaged(trainer.average, trainer.model, output)
    if run.ending:
        endings.ENDINGS[run.ending](run, trainer, output)


def main(order: str, output_of_two: str = "") -> None:
    """Train everything that the order lists; a line on stdout for each."""
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    found = json.loads(Path(order).read_text(encoding="utf-8"))
    if output_of_two:
        train(run_of(found), Path(output_of_two))
        return
    for item in found:
        output, run = Path(item["output"]), run_of(item["recipe"])
        shutil.rmtree(output, ignore_errors=True)
        working = output.with_name(
            blind.WORKING
        )  # one name for all, because Trainer writes it into its files
        shutil.rmtree(working, ignore_errors=True)
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            (by_two if run.by == "two" else train)(run, working)
        finally:
            sys.stdout = stdout
        os.replace(working, output)  # noqa: PTH105 - of a folder, in one step
        print(output.name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
