"""trainer_log.jsonl: what LLaMA-Factory's callback wrote at each log of the Trainer, one JSON object a line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.artifacts._fields import is_number
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

SIZE_LIMIT = 64 * 1024 * 1024
"""Largest file read, in bytes; a run of 8,660 steps has 250 KB."""
ROW_LIMIT = 1_000_000
LINE_LIMIT = 100_000
"""Longest line read, in bytes; real ones have less than 400."""
KEYS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "lr": "learning_rate"}
"""The file's keys by the name in log_history; ``lr`` until LLaMA-Factory 0.9 (train/callbacks.py)."""


@dataclass(frozen=True, slots=True)
class TrainerLog(Artifact):
    """One log. ``rows`` are (step, numbers by the names of log_history); ``total_steps`` is the last row's."""

    patterns: ClassVar[tuple[str, ...]] = ("trainer_log.jsonl",)
    path: str
    rows: tuple[tuple[int, Mapping[str, int | float]], ...]
    total_steps: int | None = None

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file; rows without a step are left out. Raises CannotRead for a line that is no JSON object."""
        rows: list[tuple[int, Mapping[str, int | float]]] = []
        total: int | None = None
        for raw in _objects(blob.read(SIZE_LIMIT)):
            step, steps = _whole(raw.get("current_steps")), _whole(raw.get("total_steps"))
            if step is not None:
                rows.append((step, {KEYS[k]: v for k, v in raw.items() if k in KEYS and is_number(v)}))
            total = steps if steps is not None else total
        return cls(blob.path, tuple(rows), total)

    def facts(self) -> Mapping[str, Fact]:
        """Each number as ``loss@step`` (the last of a step)."""
        return {
            f"{key}@{step}": Fact(value, rtol=1e-6)
            for step, values in self.rows
            for key, value in values.items()
        }


def _objects(data: bytes) -> Iterator[Mapping[str, object]]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        if number > ROW_LIMIT or len(line) > LINE_LIMIT:
            raise CannotRead(f"is longer than any log of a training (line {number:,})")
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CannotRead(f"holds a line {number:,} that is no JSON") from error
        if not isinstance(raw, dict):
            raise CannotRead(f"holds a line {number:,} that is no JSON object")
        yield raw


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
