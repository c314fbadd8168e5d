"""Trainings as jobs of Slurm through submitit (``--on slurm:partition=gpu,timeout_min=60``).

``cluster=local`` or ``cluster=debug`` among the options lets submitit run them here, without a cluster.
"""

import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import auditor
from auditor.errors import UsageError
from auditor.rerun.failure import FEW
from auditor.rerun.fleet.order import Left, Order, Site
from auditor.rerun.fleet.remote import POLL, Job, Remote, without_word
from auditor.rerun.fleet.where import Value, Where
from auditor.rerun.fleet.work import Answer, work
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import GRACE

SHARED_NAMES = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "nodes", "tasks_per_node", "name")
"""What submitit calls alike for every kind of cluster (submitit 1.5.4, auto/auto.py); the rest is Slurm's own."""
DAY = 24 * 60
"""Minutes a job may take where nothing says it; submitit's own default is five."""
_GPU_NAMES = ("gres", "gpus_per_node", "gpus_per_task")
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
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UsageError("--on slurm needs submitit", 'pip install "auditor[fleet]"') from error
        super().__init__(site, followed, progress, left, limit)
        options = dict(where.options)
        cluster = str(options.pop("cluster", "slurm"))
        self._failed: type[Exception] = submitit.core.utils.UncompletedJobError
        try:
            self._executor = submitit.AutoExecutor(folder=str(site.folder / "jobs" / "%j"), cluster=cluster)
            self._executor.update_parameters(**parameters(options, site, left()))
        except (NameError, ValueError, AssertionError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UsageError(
                f"submitit refuses {where.text}: {first}", "check the options of --on"
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
        return _SlurmJob(job, order.name, self._failed)

    def close(self) -> None:
        """Cancel what runs; what submitit keeps on this machine is waited for, so that no child is left."""
        jobs = [item.job for item in self._running] if self._executor.cluster == "local" else []
        super().close()
        end = time.monotonic() + 2 * GRACE
        while time.monotonic() < end and not all(job.done() for job in jobs):
            time.sleep(POLL)


def parameters(options: Mapping[str, Value], site: Site, left: float | None) -> dict[str, object]:
    """The options as submitit takes them: those that only Slurm has with ``slurm_`` before them."""
    found: dict[str, object] = {"name": "audit-rerun"}
    if "time" not in options:
        found["timeout_min"] = DAY if left is None else ceil((left + _GRACE) / 60)
    if site.device == "cuda" and not any(name in options for name in _GPU_NAMES):
        found["gpus_per_node"] = 1
    found["slurm_setup"] = [f"export PYTHONPATH={_path()}"]
    for name, value in options.items():
        own = name in SHARED_NAMES or name.startswith("slurm_")
        found[name if own else f"slurm_{name}"] = value
    return found


class _SlurmJob(Job):
    def __init__(self, job: Any, name: str, failed: type[Exception]) -> None:
        self._job, self._name, self._failed = job, name, failed

    def done(self) -> bool:
        return bool(self._job.done())

    def answer(self) -> Answer:
        try:
            found = self._job.result()
        except self._failed as error:
            lines = (self._job.stderr() or "").strip().splitlines()[-FEW:]
            raise without_word(self._name, lines) from error
        return found if isinstance(found, Answer) else Answer("the job answered with something else")

    def cancel(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._job.cancel(check=False)


def _path() -> str:
    """PYTHONPATH for a job: where this auditor lies, before what is there already."""
    here = str(Path(auditor.__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join([here, *(entry for entry in known.split(os.pathsep) if entry and entry != here)])


@contextmanager
def _importable() -> Iterator[None]:
    """A job that inherits this process' variables can import auditor."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = _path()
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
