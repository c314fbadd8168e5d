"""What a training takes, told by its first steps: the clock at each, the most memory, the longest row."""

from typing import Any

from .base_model import Base
from .job import Job
from .libraries import transformers
from .machine import peak_resident
from .rows import Examples
from .steplog import Events, StepLog

FILE = "pace.json"


class Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes when each optimizer step ended, in seconds since this process began; to be added after the Recorder.

    The Recorder reads digests from the device, which by then has done everything that the step asked of it.
    """

    def __init__(self, events: Events) -> None:
        self.events = events
        self.begun = events.seconds
        self.loading = 0.0
        self.ready = self.begun
        self.ends: list[float] = []

    def load(self, bases: Base, job: Job) -> Any:
        """Returns a job's base, and notes how long that took where a further training need not load it."""
        started = self.events.seconds
        base = bases.get(job)
        self.loading = self.events.seconds - started if bases.serves_again(job.settings) else 0.0
        return base

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Notes that everything is ready for the first step."""
        self.ready = self.events.seconds

    def on_step_end(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Notes the end of a step."""
        self.ends.append(self.events.seconds)

    def facts(self, log: StepLog, examples: object, peak_bytes: int | None) -> dict[str, object]:
        """Returns what is known after the last step.

        ``ends`` and ``again`` (before the first step of a further training here) in seconds, ``resident`` and ``gpu``
        (None without one) in bytes at most, ``widest`` and ``longest`` in tokens a row: of the batches so far, and of
        all rows (None where a trainer makes them up by itself).
        """
        lengths = [len(item.ids) for item in examples.examples] if isinstance(examples, Examples) else []
        return {
            "ends": self.ends,
            "again": self.ready - self.begun - self.loading,
            "resident": peak_resident(),
            "gpu": peak_bytes,
            "widest": log.widest,
            "longest": max(lengths, default=None),
        }
