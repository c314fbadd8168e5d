"""Wall time of 72 steps of the tiny recipe with the child's digests and callbacks against the same Trainer loop bare.

    python benchmarks/overhead.py [pairs]

Both run in one process, in turn, the base loaded once; only ``Trainer.train`` is timed. Prints the ratio pair by pair.
Reference: the bare loop = 1.0, reach 1.05 (median).
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import transformers

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from auditor.rerun.child import train  # noqa: E402 - the path comes first
from auditor.rerun.child.base_model import Base  # noqa: E402
from auditor.rerun.child.job import Job, settings_from  # noqa: E402
from auditor.rerun.child.machine import pin_machine  # noqa: E402
from auditor.rerun.child.rows import pad  # noqa: E402
from auditor.rerun.child.steplog import Events  # noqa: E402
from auditor.rerun.child.trainers import reference  # noqa: E402
from fixtures.tiny_repo import SETTINGS  # noqa: E402

TINY = ROOT / "fixtures" / "tiny"


class Bare(transformers.TrainerCallback):  # type: ignore[misc]
    """A callback that does nothing, in the place of the recorder."""


def bare_collator(_: object, pad_id: int, length: int | None, __: object, zeros: Sequence[str] = ()) -> Any:
    """The batch without its log."""
    import torch

    def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        padded = pad([feature["input_ids"] for feature in features], pad_id, length)
        batch = {key: torch.tensor(value, dtype=torch.int64) for key, value in padded.items()}
        return batch | {key: torch.zeros_like(batch["input_ids"]) for key in zeros}

    return collate


def timed(job: Job, bases: Base, events: Events) -> float:
    """Seconds that Trainer.train takes for a job."""
    seconds: list[float] = []
    real = transformers.Trainer.train

    def clocked(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        done = real(self, *args, **kwargs)
        seconds.append(time.perf_counter() - start)
        return done

    transformers.Trainer.train = clocked
    try:
        train.run(job, bases, events)
    finally:
        transformers.Trainer.train = real
    return seconds[0]


def main() -> None:
    """Alternate both loops and print the ratios."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    pin_machine(1)
    ours, bases = (train.Recorder, reference.collator), Base()
    bare = (lambda *_: Bare(), bare_collator)
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        base = Job(
            name="x",
            output=Path(folder) / "x",
            base=TINY / "base",
            tokenizer=TINY / "base",
            data=TINY / "data" / "train.jsonl",
            settings=settings_from({**SETTINGS, "num_train_epochs": 4.0, "save_steps": 1000}),
            stop_at=72,
            digests=True,
            report_to=[],
        )
        events = Events(time.monotonic())
        for number in range(pairs + 1):
            found: dict[bool, float] = {}
            for plain in (True, False) if number % 2 else (False, True):
                train.Recorder, reference.collator = bare if plain else ours  # type: ignore[misc,assignment]
                job = replace(base, output=Path(folder) / f"{number}-{plain}", digests=not plain)
                found[plain] = timed(job, bases, events)
            if number:  # the first pair warms up
                ratios.append(found[False] / found[True])
    sys.stderr.write(
        f"{pairs} pairs: median {statistics.median(ratios):.3f}, "
        f"min {min(ratios):.3f}, max {max(ratios):.3f} (reach 1.05)\n"
    )


if __name__ == "__main__":
    main()
