"""What another machine does with an order: look whether it sees the same files, train, and answer."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import AuditError, IncompleteError
from auditor.rerun import cache
from auditor.rerun.fleet.order import Order, Site, alone
from auditor.rerun.followed import Followed
from auditor.rerun.runner import EndedEarlyError

TOLD, STOP, TOKEN = "told.jsonl", "stop", "token"
SHARED = "base, data and the rerun's folder (--keep DIR) must lie on a disk that every machine sees"


@dataclass(frozen=True, slots=True)
class Answer:
    """How an order ended elsewhere; ``early`` for an end that the user or the clock made."""

    error: str | None = None
    hint: str = ""
    early: bool = False


def scratch_of(site: Site, order: Order) -> Path:
    """The folder of an order's process: its JOB.json, what it printed, its progress."""
    return site.folder / f"child-{order.name}"


def work(site: Site, order: Order, token: str, timeout: float | None) -> Answer:
    """Train one order on the machine that this runs on. Raises nothing that a training can cause.

    ``token`` is what the submitter wrote into the experiment's folder; ``timeout`` is in seconds. An order that ran
    before (a requeued job) is trained anew from its beginning.
    """
    scratch = scratch_of(site, order)
    try:
        for problem in _unseen(site, order, token):
            raise IncompleteError(problem, SHARED)
        for path in (scratch, order.output):
            shutil.rmtree(path, ignore_errors=True)
        _train(site, order, scratch, timeout)
    except EndedEarlyError as error:
        return Answer(error.message, error.hint, early=True)
    except AuditError as error:
        return Answer(error.message, error.hint)
    return Answer()


def _train(site: Site, order: Order, scratch: Path, timeout: float | None) -> None:
    def told(step: int, total: int, loss: float | None, eta: float | None) -> None:
        with (scratch / TOLD).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "loss": loss}) + "\n")

    stop = site.folder / STOP
    alone(site, order, scratch, Followed(order.steps), told, timeout, stopped=lambda: os.path.lexists(stop))


def _unseen(site: Site, order: Order, token: str) -> Iterator[str]:
    """Why this machine cannot train what was asked for: it sees other files than the submitter."""
    who = f"the machine that was to train {order.name}"
    if _text(site.folder / TOKEN) != token:
        yield f"{who} does not see the rerun's folder"
    if not Path(site.python.command[0]).exists() or not Path(site.python.command[1]).exists():
        yield f"{who} does not see the Python that trains"
    for name, (path, digest) in site.inputs.items():
        if not path.exists():
            yield f"{who} does not see the {name}"
        elif cache.digest_of(path) != digest:
            yield f"{who} sees another {name} at the same path"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
