r"""trainer_log.jsonl and log_history disagree about a logged number.

LLaMA-Factory's callback writes the row that the Trainer has just appended to log_history (llamafactory 0.9.5,
train/callbacks.py, `LogCallback.on_log`), so at every step both hold the same loss and the same learning rate. A
difference means that one of the files was edited or is of another run.

A log that rounds its losses to four decimals or more says the same.

Wrong when: a resumed run wrote a step twice; one of several rows of a step is enough to agree.

Fix: publish both as one run wrote them.

Bad:
    trainer_log.jsonl: = "{\"current_steps\": 13, \"total_steps\": 27, \"loss\": 9.5}\n"

Good:
    # a step that log_history has no row for
    trainer_log.jsonl: = "{\"current_steps\": 1000, \"total_steps\": 27, \"loss\": 9.5}\n"
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal

from auditor.artifacts.trainer_log import TrainerLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

RTOL = 1e-6
"""Both are written from one dictionary; some releases round the learning rate to 7 digits."""
_DECIMALS = 4
"""Older releases of the Trainer round each loss to them (transformers 4.51.3, trainer.py), and a callback may."""
TAGS = ("loss", "eval_loss", "learning_rate")


def check(log: TrainerLog, state: TrainerState) -> Iterator[Problem | Skip]:
    """The first number that differs is named."""
    logged = {tag: dict(state.logged(tag)) for tag in TAGS}
    ours: dict[tuple[int, str], list[float]] = {}
    for step, values in log.rows:
        for tag, value in values.items():
            if step in logged[tag]:
                ours.setdefault((step, tag), []).append(float(value))
    if not ours:
        yield Skip("the log and log_history share no step")
        return
    slack = {
        tag: _half_digit(tag, [v for (_, own), found in ours.items() if own == tag for v in found])
        for tag in TAGS
    }
    wrong = [
        (step, tag, logged[tag][step], found[-1])
        for (step, tag), found in sorted(ours.items())
        if not any(_same(value, logged[tag][step], slack[tag]) for value in found)
    ]
    if wrong:
        step, tag, theirs, mine = wrong[0]
        yield Problem(
            f"{log.path} and {state.path} disagree on {len(wrong):,} of {counted(len(ours), 'number')}, first {tag} at "
            f"step {step:,}",
            log.at(f"{tag} at step {step}"),
            expected=f"{theirs:.9g}",
            observed=f"{mine:.9g}",
        )


def _half_digit(tag: str, values: Sequence[float]) -> float:
    """Half of the last decimal that the log writes losses with, where it rounds to four or more; else next to 0."""
    decimals = max(
        (-int(Decimal(repr(v)).as_tuple().exponent) for v in values if math.isfinite(v)), default=0
    )
    return 1e-12 if tag == "learning_rate" or decimals < _DECIMALS else max(1e-12, 0.5001 * 10.0**-decimals)


def _same(one: float, other: float, slack: float) -> bool:
    if one != one or other != other:
        return True
    return abs(one - other) <= RTOL * max(abs(one), abs(other)) + slack
