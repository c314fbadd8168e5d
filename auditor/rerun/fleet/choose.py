"""The executor for what a user asked: one after the other, side by side, on Ray, on Slurm."""

from collections.abc import Callable

from auditor.rerun.fleet.local import Local
from auditor.rerun.fleet.order import Executor, Left, Site
from auditor.rerun.fleet.where import RAY, Where
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress


def executor(
    where: Where,
    jobs: int | None,
    site: Site,
    followed: Followed,
    progress: Progress,
    left: Left,
    tell: Callable[[str], None] = lambda _: None,
) -> Executor:
    """``jobs`` is how many trainings run at a time: one on this machine and all elsewhere where it is None.

    Raises UsageError when a library is missing or an option is not known, IncompleteError without a cluster.
    """
    if where.kind == RAY:
        from auditor.rerun.fleet.on_ray import OnRay

        return OnRay(site, followed, progress, left, jobs, where)
    if where.is_remote:
        from auditor.rerun.fleet.on_slurm import OnSlurm

        return OnSlurm(site, followed, progress, left, jobs, where, tell)
    if jobs is not None and jobs > 1:
        from auditor.rerun.fleet.side_by_side import SideBySide

        return SideBySide(site, followed, progress, left, jobs)
    return Local(site, followed, progress, left)
