"""JOB.json, the order a parent writes for the training child; read without torch, to be refused early."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .job import Job, JobError, check_types, fits, settings_from, table

VERSION = 1


@dataclass(frozen=True, slots=True)
class JobFile:
    """Holds every job of one child process; threads 0 leaves the machine's own count."""

    threads: int
    jobs: tuple[Job, ...]


def read_jobs(path: Path) -> JobFile:
    """Returns the jobs of a JOB.json; raises JobError for an unknown, missing or mistyped key, or OSError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise JobError(f"JOB.json is not JSON: {error}") from error
    top = table(document, "JOB.json", known={"version", "threads", "jobs"})
    if top.get("version") != VERSION:
        raise JobError(f"JOB.json: version {top.get('version')!r} is not {VERSION}")
    threads, jobs = top.get("threads", 1), top.get("jobs")
    if not fits(threads, int) or threads < 0:
        raise JobError("JOB.json: threads is not a whole number")
    if not isinstance(jobs, list) or not jobs:
        raise JobError("JOB.json: jobs is not a list with at least one job")
    return JobFile(threads=threads, jobs=tuple(_job(item, f"jobs[{at}]") for at, item in enumerate(jobs)))


def _job(values: object, where: str) -> Job:
    hints: dict[str, object] = {"name": str, "output": str, "base": str, "data": str, "tokenizer": str | None}
    hints |= {"settings": dict, "stop_at": int | None, "digests": bool, "report_to": list[str]}
    hints |= {"start_at": int, "resume": str | None, "rows": dict, "drop_checkpointing": bool}
    hints |= {"measured": bool}
    given = table(values, where, known=set(hints))
    for key in ("name", "output", "base", "data"):
        if key not in given:
            raise JobError(f"{where}: {key} is missing")
    check_types(given, hints, where)
    return Job(
        name=given["name"],
        output=Path(given["output"]),
        base=Path(given["base"]),
        tokenizer=Path(given.get("tokenizer") or given["base"]),
        data=Path(given["data"]),
        settings=settings_from(given.get("settings", {}), f"{where}.settings"),
        stop_at=given.get("stop_at"),
        digests=given.get("digests", True),
        report_to=given.get("report_to", []),
        start_at=given.get("start_at", 0),
        resume=Path(given["resume"]) if given.get("resume") else None,
        rows=_rows(given.get("rows", {}), where),
        drop_checkpointing=given.get("drop_checkpointing", False),
        measured=given.get("measured", False),
    )


def _rows(rows: Mapping[str, object], where: str) -> Mapping[int, str]:
    if not all(number.isdigit() and isinstance(text, str) for number, text in rows.items()):
        raise JobError(f"{where}.rows does not give a text for the number of each row")
    return {int(number): str(text) for number, text in rows.items()}
