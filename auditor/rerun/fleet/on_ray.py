"""Trainings as tasks of Ray (``--on ray``, ``--on ray:address=auto``), one GPU each where the cluster has any."""

import logging
import os
from contextlib import suppress
from typing import Any

from auditor.errors import IncompleteError, UsageError, extra
from auditor.rerun.fleet.order import Left, Order, Site
from auditor.rerun.fleet.remote import Job, Remote, answered, first_line, import_path, without_word
from auditor.rerun.fleet.where import Where
from auditor.rerun.fleet.work import Answer, work
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import GRACE

OPTIONS = ("address", "num_cpus", "num_gpus", "memory")


class OnRay(Remote):
    """Each order is one task. Without an address, and without RAY_ADDRESS, Ray is started on this machine alone."""

    def __init__(
        self,
        site: Site,
        followed: Followed,
        progress: Progress,
        left: Left,
        limit: int | None,
        where: Where,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise UsageError("--on ray needs ray", extra("fleet")) from error
        super().__init__(site, followed, progress, left, limit)
        options = dict(where.options)
        for name in options:
            if name not in OPTIONS:
                raise UsageError(f"--on ray has no option {name!r}", f"there are {', '.join(OPTIONS)}")
        self._ray = ray
        self._ours = not ray.is_initialized()
        self._connect(str(options.pop("address", "") or os.environ.get("RAY_ADDRESS", "")))
        if "num_gpus" not in options:
            there = ray.cluster_resources().get("GPU", 0) > 0 and not site.hidden
            options["num_gpus"] = 1 if there else 0
        self._task = ray.remote(max_retries=0, **options)(work)

    def submit(self, order: Order) -> Job:
        """Hand an order to the cluster."""
        task = self._task.remote(self.site, order, self.token, self.left())
        return _RayJob(self._ray, task, order.name)

    def close(self) -> None:
        """Cancel what runs, give it the grace time to end its children, and leave the cluster."""
        tasks = [item.job.task for item in self._running if isinstance(item.job, _RayJob)]
        super().close()
        if tasks:
            self._ray.wait(tasks, num_returns=len(tasks), timeout=2 * GRACE)
        if self._ours:
            self._ray.shutdown()

    def _connect(self, address: str) -> None:
        if not self._ours:
            return
        started: dict[str, Any] = (
            {"address": address} if address else {"address": "local", "include_dashboard": False}
        )
        try:
            self._ray.init(
                **started,
                runtime_env={"env_vars": {"PYTHONPATH": import_path()}},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise IncompleteError(
                f"Ray cannot be reached: {first_line(error)}", "check the address, or start a cluster"
            ) from error


class _RayJob(Job):
    def __init__(self, ray: Any, task: Any, name: str) -> None:
        self._ray, self.task, self._name = ray, task, name

    def done(self) -> bool:
        ready, _ = self._ray.wait([self.task], timeout=0)
        return bool(ready)

    def answer(self) -> Answer:
        try:
            found = self._ray.get(self.task)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()[-1:]
            raise without_word(self._name, lines) from error
        return answered(found)

    def cancel(self) -> None:
        with suppress(self._ray.exceptions.RayError):
            self._ray.cancel(self.task, force=False)
