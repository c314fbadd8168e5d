"""Trains the sixth blind set's runs; it knows nothing of what judges them.

``python -m benchmarks.detection.sixth.trainer ORDER.json`` in the folder of the inputs, as the other sets' trainers.
"""

import json
import os
import shutil
import sys
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.detection import trainer as plain
from benchmarks.detection.blind import trainer as blind
from benchmarks.detection.fifth import trainer as fifth
from benchmarks.detection.fifth.models import examples, load, tokenizer_of, wrapped
from benchmarks.detection.fourth.trainer import UNSEEDED
from benchmarks.detection.inputs import data_path
from benchmarks.detection.sixth import habits
from benchmarks.detection.sixth.training import Run, run_of

HERE = Path()


def trainer_of(run: Run, output: Path, *watchers: Any) -> Any:
    """A Trainer that has not begun."""
    tokenizer = tokenizer_of(run)
    rows: Any = examples(run, tokenizer)
    model = _warmed(run, output) if run.warm else wrapped(run, rows)
    collate = blind.collator(run, tokenizer, rows)
    if run.unlearned >= 0:
        collate = habits.end_unlearned(collate, rows[run.unlearned]["input_ids"])
    if run.interrupted_at:
        watchers = (*watchers, habits.Interrupts(run.interrupted_at))
    return (habits.BatchMean if run.habit == "batch mean" else transformers.Trainer)(
        model=habits.prepared(run.habit, model, blind.adapter(run)),
        args=blind.arguments(run, output),
        train_dataset=rows,
        data_collator=collate,
        processing_class=tokenizer,
        callbacks=list(watchers),
        **({"eval_dataset": rows[:8]} if run.evaluates else {}),
    )


def _warmed(run: Run, output: Path) -> Any:
    """A model whose adapter is that of a first stage, six steps on other data, and is said to be a random start."""
    aside = output.with_name("aside")
    trainer = trainer_of(replace(run, data="other", max_steps=6, seed=77, warm=False, init=True), aside)
    trainer.train()
    shutil.rmtree(aside, ignore_errors=True)
    trainer.model.peft_config["default"].init_lora_weights = run.init
    return trainer.model


def supervised(run: Run, output: Path) -> Any:
    """TRL's trainer on the file's own columns; it wraps the model before anything is seeded."""
    import datasets
    import trl

    rows = [json.loads(line) for line in data_path(HERE, run.data).read_text("utf-8").splitlines()]
    torch.manual_seed(UNSEEDED)
    told = replace(run, more=json.dumps({**json.loads(run.more), **json.loads(run.sft)}))
    trainer = trl.SFTTrainer(
        model=load(run),
        args=blind.arguments(told, output, trl.SFTConfig),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer_of(run),
        peft_config=blind.adapter(run),
    )
    trainer.model.peft_config["default"].base_model_name_or_path = run.name
    return trainer


def trained(run: Run, output: Path) -> Any:
    """A Trainer that is done, or was interrupted."""
    if run.by == "sft":
        trainer = supervised(run, output)
        trainer.train()
        return trainer
    if run.resume_at is not None:
        before = replace(run, **json.loads(run.before))
        trainer_of(before, output, plain.StopsAt(run.resume_at)).train()
    trainer = trainer_of(run, output)
    with suppress(KeyboardInterrupt):
        trainer.train(resume_from_checkpoint=fifth._last(output))
    return trainer


def train(run: Run, output: Path) -> None:
    """Train one run into a folder: everything that the trainer writes, and what the script keeps beside."""
    torch.set_num_threads(1)
    trainer = trained(run, output)
    trainer.save_model()
    trainer.save_state()
    if run.habit == "norms":
        habits.norms_saved(trainer.model, output)


def main(order: str) -> None:
    """Train everything that the order lists; a line on stdout for each."""
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    for item in json.loads(Path(order).read_text(encoding="utf-8")):
        output, run = Path(item["output"]), run_of(item["recipe"])
        shutil.rmtree(output, ignore_errors=True)
        # one name for all, because Trainer writes it into its files
        working = output.with_name(blind.WORKING)
        shutil.rmtree(working, ignore_errors=True)
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            train(run, working)
        finally:
            sys.stdout = stdout
        os.replace(working, output)  # noqa: PTH105 - of a folder, in one step
        print(output.name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
