"""Trainings as jobs of Slurm through submitit (``--on slurm:partition=gpu,timeout_min=60``).

``cluster=local`` or ``cluster=debug`` among the options lets submitit run them here, without a cluster.
"""

import os
import shlex
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any

from auditor.errors import UsageError, extra
from auditor.rerun.failure import FEW
from auditor.rerun.fleet.order import Left, Order, Site
from auditor.rerun.fleet.queue_of_slurm import ENDED, limit_of, state
from auditor.rerun.fleet.remote import (
    POLL,
    Job,
    Remote,
    Tell,
    answered,
    first_line,
    import_path,
    untold,
    without_word,
)
from auditor.rerun.fleet.where import Value, Where
from auditor.rerun.fleet.work import Answer, work
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import GRACE

SHARED_NAMES = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "nodes", "tasks_per_node", "name")
"""What submitit calls alike for every kind of cluster (submitit 1.5.4, auto/auto.py); the rest is Slurm's own."""
DAY = 24 * 60
"""Minutes a job may take where neither the user nor the partition says less; submitit's own default is five."""
_GPU_NAMES = ("gres", "gpus_per_node", "gpus_per_task")
ASK = 10.0
"""Seconds between two looks into the queue."""
_LOOKS = 2
_GRACE = 60.0
"""Seconds on top of the rerun's limit, so that the child's own clock ends a training first."""


class OnSlurm(Remote):
    """Each order is one job that asks for one GPU where the run was trained on one."""

    def __init__(
        self,
        site: Site,
        followed: Followed,
        progress: Progress,
        left: Left,
        limit: int | None,
        where: Where,
        tell: Tell = untold,
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UsageError("--on slurm needs submitit", extra("fleet")) from error
        super().__init__(site, followed, progress, left, limit, tell)
        options = dict(where.options)
        cluster = str(options.pop("cluster", "slurm"))
        self._failed: type[Exception] = submitit.core.utils.UncompletedJobError
        try:
            self._executor = submitit.AutoExecutor(folder=str(site.folder / "jobs" / "%j"), cluster=cluster)
            longest = None
            if cluster == "slurm" and not {"time", "timeout_min"} & options.keys():
                partition = options.get("partition")
                longest = limit_of(None if partition is None else str(partition))
            self._executor.update_parameters(**parameters(options, site, left(), longest))
        except (NameError, ValueError, AssertionError, RuntimeError) as error:
            raise UsageError(
                f"submitit refuses {where.text}: {first_line(error)}", "check the options of --on"
            ) from error

    def submit(self, order: Order) -> Job:
        """Hand an order to the queue. Raises UsageError with what the queue says when it refuses."""
        with _importable():
            try:
                job = self._executor.submit(work, self.site, order, self.token, self.left())
            except (self._failed, OSError) as error:
                raise UsageError(
                    f"the queue refuses {order.name}: {error}", "check the options of --on"
                ) from error
        return _SlurmJob(job, order.name, self._failed, asks=self._executor.cluster == "slurm")

    def close(self) -> None:
        """Cancel what runs; what submitit keeps on this machine is waited for, so that no child is left."""
        jobs = [item.job for item in self._running] if self._executor.cluster == "local" else []
        super().close()
        end = time.monotonic() + 2 * GRACE
        while time.monotonic() < end and not all(job.done() for job in jobs):
            time.sleep(POLL)


def parameters(
    options: Mapping[str, Value], site: Site, left: float | None, longest: int | None = None
) -> dict[str, object]:
    """The options as submitit takes them: those that only Slurm has with ``slurm_`` before them.

    ``left`` are the seconds the rerun may take, ``longest`` the minutes the partition allows: a job that asks for more
    would wait for ever.
    """
    found: dict[str, object] = {"name": "audit-rerun"}
    if "time" not in options:
        wanted = DAY if left is None else ceil((left + _GRACE) / 60)
        found["timeout_min"] = wanted if longest is None else min(wanted, longest)
    if site.device == "cuda" and not any(name in options for name in _GPU_NAMES):
        found["gpus_per_node"] = 1
    found["slurm_setup"] = [f"export PYTHONPATH={shlex.quote(import_path())}"]
    for name, value in options.items():
        own = name in SHARED_NAMES or name.startswith("slurm_")
        found[name if own else f"slurm_{name}"] = value
    return found


class _SlurmJob(Job):
    def __init__(self, job: Any, name: str, failed: type[Exception], *, asks: bool) -> None:
        self._job, self._name, self._failed, self._asks = job, name, failed, asks
        self._asked, self._gone, self._reason = time.monotonic(), 0, ""

    def done(self) -> bool:
        if not self._asks:
            return bool(self._job.done())
        if self._job.paths.result_pickle.exists():
            return True
        self._look()
        return self._gone > _LOOKS

    def waits(self) -> str:
        return self._reason

    def _look(self) -> None:
        """Ask the queue now and then; an end counts when it was seen several times, because disks are slow to tell."""
        if time.monotonic() - self._asked < ASK:
            return
        self._asked, found = time.monotonic(), state(str(self._job.job_id))
        if found is not None:
            self._gone = self._gone + 1 if found[0] in ("", *ENDED) else 0
            self._reason = found[1] if found[0] == "PD" else ""

    def answer(self) -> Answer:
        # A slow disk may show what the job left after the queue has forgotten it.
        if self._gone > _LOOKS and not self._job.paths.result_pickle.exists():
            raise without_word(self._name, self._lines())
        try:
            found = self._job.result()
        except self._failed as error:
            raise without_word(self._name, self._lines()) from error
        return answered(found)

    def _lines(self) -> list[str]:
        return (self._job.stderr() or "").strip().splitlines()[-FEW:]

    def cancel(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._job.cancel(check=False)


@contextmanager
def _importable() -> Iterator[None]:
    """A job that inherits this process' variables can import auditor."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = import_path()
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
