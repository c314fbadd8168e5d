"""What Slurm says of its queue: how long a partition lets a job run, and where a job stands.

submitit asks sacct, which many a cluster does not have (it needs slurmdbd); squeue and sinfo are always there.
"""

import subprocess
from math import ceil

ENDED = ("CO", "CA", "F", "TO", "NF", "OOM", "BF", "DL", "PR", "RV")
"""Compact states of a job that runs no more (squeue(1), JOB STATE CODES)."""
_SECONDS = 30.0


def limit_of(partition: str | None) -> int | None:
    """Minutes that a partition lets a job run, the default one where none is named; None where nothing limits it."""
    given = ["-p", partition] if partition else []
    lines = _asked("sinfo", "-h", "-o", "%P %l", *given)
    for line in lines or ():
        name, _, limit = line.partition(" ")
        if partition or name.endswith("*"):
            return minutes(limit.strip())
    return None


def minutes(text: str) -> int | None:
    """``[days-]hours:minutes:seconds``, ``minutes:seconds`` or ``minutes`` as whole minutes; None for ``infinite``."""
    days, _, clock = text.rpartition("-")
    numbers = clock.split(":")
    if not all(item.isdigit() for item in (*numbers, days or "0")):
        return None
    if len(numbers) == 1:
        numbers = [*numbers, "0"] if not days else [*numbers, "0", "0"]
    hours, minute, second = map(int, ["0"] * (3 - len(numbers)) + numbers)
    return max(1, int(days or 0) * 24 * 60 + hours * 60 + minute + ceil(second / 60))


def state(job: str) -> tuple[str, str] | None:
    """A job's compact state and why it waits: ``("PD", "Resources")``, ``("", "")`` where the queue does not know it.

    None when the queue could not be asked.
    """
    lines = _asked("squeue", "-h", "-t", "all", "-j", job, "-o", "%t %r")
    if lines is None:
        return None
    found, _, reason = lines[0].partition(" ") if lines else ("", "", "")
    return found, reason.strip()


def _asked(*words: str) -> list[str] | None:
    try:
        done = subprocess.run(words, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    text = done.stdout.decode("utf-8", "replace")
    # squeue fails for a job that it forgot: MinJobAge seconds after its end
    forgotten = b"Invalid job id" in done.stderr
    return [line for line in text.splitlines() if line.strip()] if done.returncode == 0 or forgotten else None
