"""Runs the jobs of a JOB.json, one after the other, in this process.

Each job leaves an ordinary Trainer output folder, plus `init/` (a new adapter before training),
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
from .evaluation import Evaluations
from .job import Job, JobError, read_jobs, total_steps
from .libraries import torch, transformers
from .machine import environment, peak_bytes, pin_machine
from .order import ordered
from .recorder import Recorder
from .resume import checkpoint
from .rows import Examples
from .steplog import Events, StepLog, write_json
from .trainers import trainer as trainer_named


def run(job: Job, bases: Base, events: Events) -> None:
    """Trains one job and leaves its output folder complete."""
    job.require_inputs()
    job.output.mkdir(parents=True, exist_ok=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.tokenizer, trust_remote_code=False)
    kind = trainer_named(job.settings.trainer)
    examples = kind.load(job, tokenizer)
    write_json(job.output / "environment.json", environment(job.settings))
    base = bases.get(job)
    events.emit(
        "loaded", job=job.name, examples=len(examples), steps=total_steps(len(examples), job.settings)
    )
    log = StepLog(job.output / "rerun_steps.jsonl", job.name, events)
    trainer = ordered(kind.build(job, base, examples, tokenizer, log), job.settings)
    trainer.add_callback(Evaluations(job))
    trainer.add_callback(Recorder(job, log, events))
    if job.resume is None and job.settings.peft_type is not None:
        trainer.model.save_pretrained(str(job.output / "init"))
    if isinstance(examples, Examples):
        spans = [[item.first_row, item.last_row] for item in examples.examples]
        write_json(job.output / "rerun_examples.json", spans)
    resumed = None if job.resume is None else str(checkpoint(trainer, job, job.resume))
    trainer.train(resume_from_checkpoint=resumed)
    if resumed is not None:
        shutil.rmtree(resumed)
    trainer.save_model()
    trainer.save_state()
    events.emit("done", job=job.name, step=trainer.state.global_step, peak_bytes=peak_bytes())
    bases.take_back(trainer.model, job.settings)


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
