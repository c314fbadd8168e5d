"""What a training child has told so far: jobs, steps, the last loss, and when the rest will be done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Followed:
    """What the child has told so far; ``finished`` names complete jobs, ``step`` counts over all children.

    ``start`` is the step that the last job began after, ``job_step`` the last one it made, ``retried`` whether it was
    begun anew with gradient checkpointing. Steps that are only measured are not counted.
    """

    total: int
    finished: list[str] = field(default_factory=list)
    loaded: dict[str, Mapping[str, object]] = field(default_factory=dict)
    step: int = 0
    start: int = 0
    job_step: int = 0
    retried: bool = False
    loss: float | None = None
    error: str | None = None
    first_step: float | None = None
    first_count: int = 0
    idle: bool = False
    job_steps: int = 0

    def take(self, event: Mapping[str, object], now: float) -> bool:
        """Note one event; True when a step was made."""
        kind, job = event.get("event"), event.get("job")
        if kind == "error":
            self.error = str(event.get("message", ""))[:500]
        elif kind == "loaded" and isinstance(job, str):
            self.loaded[job] = event
            self._loaded(event)
        elif kind == "done" and isinstance(job, str):
            self.finished.append(job)
        elif kind == "idle":
            self.idle = True
        elif kind == "retry":
            self._retried()
        elif kind == "measured":
            self._made(event)
        elif kind == "step":
            return self._stepped(event, now)
        return False

    def _loaded(self, event: Mapping[str, object]) -> None:
        start = event.get("start")
        self.start = self.job_step = start if isinstance(start, int) else 0
        self.job_steps = 0

    def _retried(self) -> None:
        """What the job made is made anew, and what it took until then is no pace."""
        self.retried = True
        self.job_step = self.start
        self.step -= self.job_steps
        self.job_steps = 0
        self.first_step = None

    def _made(self, event: Mapping[str, object]) -> None:
        step = event.get("step")
        self.job_step = step if isinstance(step, int) else self.job_step

    def _stepped(self, event: Mapping[str, object], now: float) -> bool:
        self.step += 1
        self.job_steps += 1
        self._made(event)
        loss = event.get("loss")
        if isinstance(loss, int | float):
            self.loss = float(loss)
        if self.first_step is None:
            self.first_step, self.first_count = now, self.step
        return True

    def eta(self, now: float) -> float | None:
        """Seconds left by the pace since the first step; None before the second."""
        made = self.step - self.first_count
        if self.first_step is None or made < 1:
            return None
        return (now - self.first_step) / made * max(0, self.total - self.step)

    @property
    def fitted(self) -> str:
        """What of the job that was trained last fitted into memory, as a hint; nothing where not even a step did."""
        if self.job_step <= self.start:
            return ""
        first, last = self.start + 1, self.job_step
        span = f"--span {self.start}..{last}"
        if first == last:
            return f"step {last} fitted, and {span} judges it"
        return f"steps {first} to {last} fitted, and {span} judges those"

    @property
    def where(self) -> str:
        """How far training came, for a sentence about its end."""
        return f"after {self.step} of {self.total} steps" if self.step else "before its first step"


def event_of(line: bytes) -> Mapping[str, object]:
    """One event; anything else on stdout is a library's chatter and means nothing."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
