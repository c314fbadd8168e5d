"""Trains the fourth blind set's runs; it knows nothing of what judges them.

``python -m benchmarks.detection.fourth.trainer ORDER.json`` in the folder of the inputs, as the other sets' trainers.
"""

import json
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.detection import trainer as plain
from benchmarks.detection.blind import trainer as blind
from benchmarks.detection.fourth import habits
from benchmarks.detection.fourth.training import Run, run_of
from benchmarks.detection.inputs import base_path, data_path

HERE = Path()
UNSEEDED = 15485863
"""Of a generator that nobody seeded, the same every time the benchmark runs."""


def examples(run: Run, tokenizer: Any) -> list[dict[str, list[int]]]:
    """What the Trainer is given, in its order."""
    if run.rows != "sorted":
        return blind.examples(run, tokenizer)
    return sorted(blind.examples(replace(run, rows="all"), tokenizer), key=lambda row: len(row["input_ids"]))


def trainer_of(run: Run, output: Path, model: Any, *watchers: Any) -> Any:
    """A Trainer that has not begun."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, run.architecture))
    rows = examples(run, tokenizer)
    collate = blind.collator(run, tokenizer, rows)
    optimizer = habits.optimizer(run.habit, model, run.rate, run.weight_decay)
    more: dict[str, Any] = {"eval_dataset": rows[:8]} if run.evaluates else {}
    return habits.TRAINERS.get(run.habit, transformers.Trainer)(
        model=model,
        args=blind.arguments(run, output),
        train_dataset=rows,
        data_collator=habits.masked(collate) if run.masked else collate,
        processing_class=tokenizer,
        callbacks=[*watchers, *([habits.Watches()] if run.habit == "watches" else [])],
        **({} if optimizer is None else {"optimizers": (optimizer, None)}),
        **more,
    )


def supervised(run: Run, output: Path) -> Any:
    """TRL's trainer on the file's own columns; it wraps the model before anything is seeded."""
    import datasets
    import trl

    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, run.architecture))
    rows = [json.loads(line) for line in data_path(HERE, run.data).read_text("utf-8").splitlines()]
    torch.manual_seed(UNSEEDED)
    told = replace(run, more=json.dumps({**json.loads(run.more), **json.loads(run.sft)}))
    trainer = trl.SFTTrainer(
        model=blind.load(run),
        args=blind.arguments(told, output, trl.SFTConfig),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=blind.adapter(run),
    )
    trainer.model.peft_config["default"].base_model_name_or_path = run.name
    return trainer


def looped(run: Run, output: Path) -> None:
    """The adapter that a loop without a Trainer saves, and the tokenizer beside it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, run.architecture))
    model = blind.wrapped(run)
    habits.loop(model, examples(run, tokenizer), run.max_steps, run.rate, run.seed)
    model.save_pretrained(output)


def trained(run: Run, output: Path) -> Any:
    """A Trainer that is done."""
    if run.by == "sft":
        trainer = supervised(run, output)
        trainer.train()
        return trainer
    if run.resume_at is not None and run.rate_before is not None:
        return blind.trained(run, output)
    if run.resume_at is not None:
        raise SystemExit("a run of the fourth set resumes at its stops")
    for stop in (*run.stops, run.stop_at):
        watchers = () if stop is None else (plain.StopsAt(stop),)
        trainer = trainer_of(run, output, blind.wrapped(run), *watchers)
        trainer.train(resume_from_checkpoint=_last(output))
    return trainer


def _last(output: Path) -> str | None:
    """The checkpoint to go on from, if there is one."""
    found: str | None = (
        transformers.trainer_utils.get_last_checkpoint(str(output)) if output.is_dir() else None
    )
    return found


def _goes_on(run: Run, output: Path, trainer: Any) -> None:
    """A few steps on other rows, whose weights take the places of the last ones; nothing else of them is kept."""
    aside = output.with_name("aside")
    after = replace(
        run, data=run.then_data, max_steps=run.then_steps, then_steps=0, seed=run.seed + 1, stops=()
    )
    trainer_of(after, aside, trainer.model).train()
    shutil.rmtree(aside, ignore_errors=True)
    for place in (output, Path(_last(output) or output)):
        trainer.model.save_pretrained(aside)
        shutil.copyfile(aside / "adapter_model.safetensors", place / "adapter_model.safetensors")
    shutil.rmtree(aside)


def train(run: Run, output: Path) -> None:
    """Train one run into a folder: everything that the trainer writes, nothing else."""
    torch.set_num_threads(2 if run.machine == "threads" else 1)
    if run.by == "loop":
        looped(run, output)
        return
    trainer = trained(run, output)
    trainer.save_model()
    trainer.save_state()
    if run.then_steps:
        _goes_on(run, output, trainer)


def main(order: str) -> None:
    """Train everything that the order lists; a line on stdout for each."""
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    items: Sequence[dict[str, Any]] = json.loads(Path(order).read_text(encoding="utf-8"))
    for item in items:
        output = Path(item["output"])
        shutil.rmtree(output, ignore_errors=True)
        working = output.with_name(
            blind.WORKING
        )  # one name for all, because Trainer writes it into its files
        shutil.rmtree(working, ignore_errors=True)
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            train(run_of(item["recipe"]), working)
        finally:
            sys.stdout = stdout
        os.replace(working, output)  # noqa: PTH105 - of a folder, in one step
        print(output.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
