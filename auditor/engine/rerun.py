"""The rerun of one run of a snapshot: which run is meant, the plan, the experiment."""

from collections.abc import Callable

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.engine._feed import Side
from auditor.errors import UsageError
from auditor.model import RerunPlan, RerunResult
from auditor.rerun.session import Progress, RerunOptions, plan_only, rerun
from auditor.runs import Run

__all__ = ["RerunOptions", "plan", "rerunner"]


def chosen(side: Side, name: str | None) -> Run:
    """The run that a user named, or the only one with an adapter. Raises UsageError naming the runs there are."""
    runs = [run for run in side.runs if run.one(AdapterConfig) is not None]
    if name is not None:
        wanted = name.strip("/") or "."
        found = next((run for run in runs if run.name == wanted), None)
        if found is not None:
            return found
        raise UsageError(f"there is no run {name!r} to rerun", _known(runs))
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise UsageError(
            "there is no adapter to rerun", "the repository holds no readable adapter_config.json"
        )
    raise UsageError(f"the repository holds {len(runs)} runs", _known(runs))


def _known(runs: list[Run]) -> str:
    return "say which with --run: " + ", ".join(run.name for run in runs[:20])


def plan(side: Side, name: str | None, options: RerunOptions) -> RerunPlan:
    """What would be trained, without training."""
    run = chosen(side, name)
    return plan_only(run, side.ledgers[run.name], options)


def rerunner(name: str | None, options: RerunOptions, progress: Progress) -> Callable[[Side], RerunResult]:
    """A function that reruns the chosen run of a side."""

    def train(side: Side) -> RerunResult:
        run = chosen(side, name)
        return rerun(run, side.ledgers[run.name], options, progress)

    return train
