"""Runs the jobs of a JOB.json, one after the other, in this process.

Each job leaves an ordinary Trainer output folder, plus `init/` (a new adapter before training),
`rerun_steps.jsonl` (one line an optimizer step), `rerun_examples.json` (the data rows of each example) and
`environment.json`; a measured one leaves `pace.json` in the place of what it trained. Progress goes to stdout, one JSON
line an event; what libraries print goes to stderr.
"""

import gc
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .base_model import Base
from .clock import FILE, Clock
from .evaluation import Evaluations
from .job import Job, JobError, total_steps
from .job_file import read_jobs
from .libraries import torch, transformers
from .machine import environment, peak_bytes, pin_machine
from .order import averaged, ordered
from .recorder import Recorder
from .resume import checkpoint
from .rows import Examples
from .steplog import Events, StepLog, write_json
from .trainers import trainer as trainer_named

STEPS = "rerun_steps.jsonl"


def run(job: Job, bases: Base, events: Events) -> None:
    """Trains one job and leaves its output folder complete; of a measured one, the records alone."""
    job.require_inputs()
    job.output.mkdir(parents=True, exist_ok=True)
    clock = Clock(events)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.tokenizer, trust_remote_code=False)
    kind = trainer_named(job.settings.trainer)
    examples = kind.load(job, tokenizer)
    write_json(job.output / "environment.json", environment(job.settings))
    base = clock.load(bases, job)
    steps = total_steps(len(examples), job.settings)
    events.emit("loaded", job=job.name, examples=len(examples), steps=steps, start=job.start_at)
    log = StepLog(job.output / STEPS, job.name, events, "measured" if job.measured else "step")
    trainer = ordered(kind.build(job, base, examples, tokenizer, log), job.settings)
    trainer = averaged(trainer, job.settings)
    trainer.add_callback(Evaluations(job))
    trainer.add_callback(Recorder(job, log, events))
    if job.measured:
        trainer.add_callback(clock)
        trainer.train()
        peak = peak_bytes()
        write_json(job.output / FILE, clock.facts(log, examples, peak))
    else:
        train(job, trainer, examples)
        peak = peak_bytes()
    events.emit("done", job=job.name, step=trainer.state.global_step, peak_bytes=peak)
    bases.take_back(trainer.model, job.settings)


def train(job: Job, trainer: Any, examples: object) -> None:
    """Trains from the beginning or from a job's states, and saves what is compared."""
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


def attempt(job: Job, bases: Base, events: Events) -> None:
    """Trains one job; where kept activations do not fit a GPU, once more with gradient checkpointing.

    It recomputes them to the same bits, whatever the recipe says of it.
    """
    if bases.is_tight:
        job = job.recomputing()
    try:
        run(job, bases, events)
        return
    except torch.OutOfMemoryError:
        if job.checkpointing or not bases.can_recompute:
            raise
    # Outside the handler, whose traceback would hold the tensors of the failed attempt.
    bases.drop()
    bases.is_tight = True
    peak_bytes()  # counts anew: what the failed attempt took is not what the job takes
    shutil.rmtree(job.output, ignore_errors=True)
    events.emit("retry", job=job.name, why="activations did not fit; gradient checkpointing is on")
    run(job.recomputing(), bases, events)


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
