"""Follows orders that other machines carry out: their steps, their answers, the clock, an interrupt."""

import json
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import auditor
from auditor.errors import IncompleteError
from auditor.rerun.fleet.order import Ended, Left, Order, Site
from auditor.rerun.fleet.work import SHARED, STOP, TOKEN, TOLD, Answer, scratch_of
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import AGAIN, EndedEarlyError, terminated_as_interrupt

Tell = Callable[[str], None]
POLL = 0.5
"""Seconds between two looks at the jobs."""


def untold(text: str) -> None:
    """Nobody is told."""


class Job(ABC):
    """One submitted order."""

    @abstractmethod
    def done(self) -> bool:
        """Whether it ended, in whatever way."""

    @abstractmethod
    def answer(self) -> Answer:
        """How it ended. Raises IncompleteError when it left without an answer; not to be called before it is done."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask for its end; it may have ended already."""

    def waits(self) -> str:
        """Why it has not begun, in the queue's own word; nothing where it has, or where nobody knows."""
        return ""


@dataclass(slots=True)
class _Running:
    job: Job
    order: Order
    read: int = 0
    reason: str = ""


class Remote(ABC):
    """An executor whose orders run elsewhere, at most ``limit`` at a time (None: all at once)."""

    def __init__(
        self,
        site: Site,
        followed: Followed,
        progress: Progress,
        left: Left,
        limit: int | None,
        tell: Tell = untold,
    ) -> None:
        self.site, self.followed, self.left = site, followed, left
        self._progress, self._limit, self._tell = progress, limit, tell
        self._running: list[_Running] = []
        self.token = secrets.token_hex(16)
        (site.folder / TOKEN).write_text(self.token, encoding="utf-8")

    @abstractmethod
    def submit(self, order: Order) -> Job:
        """Hand an order over. Raises UsageError or IncompleteError when it is not taken."""

    def train(self, orders: Sequence[Order]) -> Generator[Ended, None, None]:
        """Submit every order, and hand back the ends as they come."""
        waiting = list(orders)
        with terminated_as_interrupt():
            try:
                while waiting or self._running:
                    while waiting and (self._limit is None or len(self._running) < self._limit):
                        order = waiting.pop(0)
                        self._running.append(_Running(self.submit(order), order))
                    yield from self._ends()
                    if self.left() == 0:
                        yield from self._out_of_time([item.order for item in self._running] + waiting)
                        return
                    if self._running:
                        time.sleep(POLL)
            except KeyboardInterrupt:
                raise EndedEarlyError(f"the rerun was interrupted {self.followed.where}", AGAIN) from None

    def close(self) -> None:
        """Cancel what still runs or waits in a queue."""
        if self._running:
            with suppress(OSError):
                (self.site.folder / STOP).touch()
        for item in self._running:
            item.job.cancel()
        self._running.clear()

    def _ends(self) -> Iterator[Ended]:
        for item in list(self._running):
            ended = item.job.done()
            self._follow(item)
            if (reason := item.job.waits()) != item.reason:
                item.reason = reason
                if reason:
                    self._tell(f"{item.order.name} waits in the queue ({reason})")
            if ended:
                self._running.remove(item)
                yield Ended(item.order, _error(item.job))

    def _out_of_time(self, orders: Sequence[Order]) -> Iterator[Ended]:
        says = f"the rerun did not finish in time; it was ended {self.followed.where}"
        self.close()
        for order in orders:
            yield Ended(order, EndedEarlyError(says, "give more time, or fewer steps with --steps"))

    def _follow(self, item: _Running) -> None:
        """Tell the steps that an order made since the last look."""
        for loss in self._steps(scratch_of(self.site, item.order) / TOLD, item):
            now = time.monotonic()
            self.followed.take({"event": "step", "loss": loss}, now)
            self._progress(self.followed.step, self.followed.total, loss, self.followed.eta(now))

    def _steps(self, path: Path, item: _Running) -> Iterator[float | None]:
        try:
            with path.open("rb") as stream:
                stream.seek(item.read)
                data = stream.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        item.read += len(whole)
        for line in whole.splitlines():
            with suppress(ValueError):
                loss = json.loads(line).get("loss")
                yield loss if isinstance(loss, int | float) else None


def _error(job: Job) -> IncompleteError | None:
    try:
        answer = job.answer()
    except IncompleteError as error:
        return error
    if answer.error is None:
        return None
    return (EndedEarlyError if answer.early else IncompleteError)(answer.error, answer.hint)


def answered(found: object) -> Answer:
    """What a job of a queue returned."""
    return found if isinstance(found, Answer) else Answer("the job answered with something else")


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def import_path() -> str:
    """PYTHONPATH for a job: where this auditor lies, before what is there already."""
    here = str(Path(auditor.__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join([here, *(entry for entry in known.split(os.pathsep) if entry and entry != here)])


def without_word(name: str, lines: Sequence[str]) -> IncompleteError:
    """The error for a job that ended and left no answer; ``lines`` are the last that it printed."""
    shown = "".join(f"\n{line}" for line in lines)
    return IncompleteError(f"the job of {name} ended without an answer{shown}", SHARED)
