"""Runs the jobs of a JOB.json, one after the other, in this process.

Each job leaves an ordinary Trainer output folder, plus `init/` (the adapter before training),
`rerun_steps.jsonl` (one line an optimizer step), `rerun_examples.json` (the data rows of each example) and
`environment.json`. Progress goes to stdout, one JSON line an event; what libraries print goes to stderr.
"""

import gc
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .base_model import Base
from .job import ROW_KEYS, Job, JobError, read_jobs, total_steps
from .libraries import torch, transformers
from .machine import environment, peak_bytes, pin_machine
from .recorder import Recorder
from .reference import add_adapter, collator, training_arguments
from .resume import checkpoint
from .rows import load_examples
from .steplog import Events, StepLog, write_json


def run(job: Job, bases: Base, events: Events) -> None:
    """Trains one job and leaves its output folder complete."""
    job.require_inputs()
    job.output.mkdir(parents=True, exist_ok=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.tokenizer, trust_remote_code=False)
    examples = load_examples(job.data, tokenizer, replaced=job.rows, **job.settings.only(ROW_KEYS))
    write_json(job.output / "environment.json", environment(job.settings))
    spans = [[item.first_row, item.last_row] for item in examples.examples]
    write_json(job.output / "rerun_examples.json", spans)
    base = bases.get(job)
    steps = total_steps(len(examples), job.settings)
    events.emit("loaded", job=job.name, examples=len(examples), steps=steps)
    model = add_adapter(base, job.settings)
    if job.resume is None:
        model.save_pretrained(str(job.output / "init"))
    log = StepLog(job.output / "rerun_steps.jsonl", job.name, events)
    length = job.settings.max_length if job.settings.pad_to_max_length else None
    trainer = transformers.Trainer(
        model=model,
        args=training_arguments(job, steps),
        train_dataset=examples,
        data_collator=collator(examples, tokenizer.pad_token_id or 0, length, log),
        processing_class=tokenizer,
        callbacks=[Recorder(job, log, events)],
    )
    resumed = None if job.resume is None else str(checkpoint(trainer, job, job.resume))
    trainer.train(resume_from_checkpoint=resumed)
    if resumed is not None:
        shutil.rmtree(resumed)
    trainer.save_model()
    trainer.save_state()
    events.emit("done", job=job.name, step=trainer.state.global_step, peak_bytes=peak_bytes())
    bases.take_back(model, job.settings)


def attempt(job: Job, bases: Base, events: Events) -> None:
    """Trains one job; where kept activations do not fit a GPU, once more with the recipe's own checkpointing."""
    try:
        run(job, bases, events)
        return
    except torch.OutOfMemoryError:
        if not (job.drop_checkpointing and job.settings.gradient_checkpointing):
            raise
    # Outside the handler, whose traceback would hold the tensors of the failed attempt.
    bases.drop()
    shutil.rmtree(job.output, ignore_errors=True)
    events.emit(
        "retry", job=job.name, why="activations did not fit; gradient checkpointing is on as declared"
    )
    run(replace(job, drop_checkpointing=False), bases, events)


def main(arguments: Sequence[str], started: float) -> None:
    """Runs every job of the file, then of each file that stdin names, until it ends.

    ``started`` is the monotonic second at which this process began.
    """
    events = Events(started)
    sys.excepthook = events.on_uncaught
    if len(arguments) != 1:
        raise JobError("usage: python -m auditor.rerun.child JOB.json")
    orders = read_jobs(Path(arguments[0]))
    pin_machine(orders.threads)
    events.emit("imported")
    bases = Base()
    while True:
        for job in orders.jobs:
            attempt(job, bases, events)
            gc.collect()
        events.emit("idle")
        order = sys.stdin.readline().strip()
        if not order:
            return
        orders = read_jobs(Path(order))
