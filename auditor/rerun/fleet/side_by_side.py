"""Several trainings at a time on this machine (``--jobs N``): joblib's threads, each with a warm child and its GPU."""

import queue
import threading
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import suppress

from auditor.errors import UsageError, extra
from auditor.rerun.fleet.devices import gpus
from auditor.rerun.fleet.local import Local
from auditor.rerun.fleet.order import Ended, Left, Order, Site
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import AGAIN, GRACE, EndedEarlyError, terminated_as_interrupt


class SideBySide:
    """``jobs`` lanes at most, where there are GPUs one for each of them; a lane starts when it is first needed."""

    def __init__(self, site: Site, followed: Followed, progress: Progress, left: Left, jobs: int) -> None:
        try:
            import joblib
        except ImportError as error:
            raise UsageError("--jobs needs joblib", extra("rerun")) from error
        self._joblib, self._followed, self._progress = joblib, followed, progress
        self._lock, self._stop = threading.Lock(), threading.Event()
        devices: Sequence[str | None] = gpus(site.surroundings)[:jobs] or [None] * jobs
        self._lanes = [
            Local(site, followed, self._told, left, name=f"-{n}", device=device, stopped=self._stop.is_set)
            for n, device in enumerate(devices, 1)
        ]
        # The lane that ended last is taken first: no more children are started than are needed.
        self._free: queue.LifoQueue[Local] = queue.LifoQueue()
        for lane in reversed(self._lanes):
            self._free.put(lane)

    def train(self, orders: Sequence[Order]) -> Generator[Ended, None, None]:
        """Train as many at a time as there are lanes; ends come as they happen."""
        parallel = self._joblib.Parallel(
            n_jobs=len(self._lanes),
            backend="threading",
            batch_size=1,
            pre_dispatch="all",
            return_as="generator_unordered",
        )
        with terminated_as_interrupt():
            ends = parallel(self._joblib.delayed(self._one)(order) for order in orders)
            try:
                for ended in ends:  # noqa: UP028 - "yield from" would close it first, with a warning
                    yield ended
            except KeyboardInterrupt:
                self.close()
                raise EndedEarlyError(f"the rerun was interrupted {self._followed.where}", AGAIN) from None
            finally:
                # joblib warns of tasks that it cancels, which is what closing asks for.
                with warnings.catch_warnings(action="ignore"):
                    ends.close()

    def close(self) -> None:
        """Ask every lane to stop, and end every child with everything it started."""
        self._stop.set()
        lanes, self._lanes = self._lanes, []
        try:
            for _ in lanes:
                with suppress(queue.Empty):
                    self._free.get(timeout=2 * GRACE)
        finally:
            for lane in lanes:
                lane.close()

    def _one(self, order: Order) -> Ended:
        if self._stop.is_set():
            return Ended(order, EndedEarlyError("the rerun was interrupted"))
        lane = self._free.get()
        try:
            return lane.one(order, Followed(order.steps))
        finally:
            self._free.put(lane)

    def _told(self, step: int, total: int, loss: float | None, eta: float | None) -> None:
        """Add one lane's step to those of all."""
        now = time.monotonic()
        with self._lock:
            self._followed.take({"event": "step", "loss": loss}, now)
            self._progress(self._followed.step, self._followed.total, loss, self._followed.eta(now))
