"""The rerun of one run of a snapshot: which run is meant, the plan, the experiment."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.claims import Ledger
from auditor.engine._evidence import ledger_of
from auditor.engine._side import Side
from auditor.errors import UsageError
from auditor.model import RerunPlan, RerunResult
from auditor.policy import Policy
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.planning.methods import is_full
from auditor.rerun.planning.planned import plan_only
from auditor.runs import Run

__all__ = ["RerunOptions", "plan", "rerunner"]


def chosen(side: Side, name: str | None) -> Run:
    """The run that a user named, or the only one with an adapter. Raises UsageError naming the runs there are."""
    runs = [run for run in side.runs if run.one(AdapterConfig) is not None or is_full(run)]
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
            "there is no training to rerun",
            "the repository holds no readable adapter_config.json, and no whole model beside a trainer_state.json",
        )
    raise UsageError(f"the repository holds {len(runs)} runs", _known(runs))


def _known(runs: list[Run]) -> str:
    return "say which with --run: " + ", ".join(run.name for run in runs[:20])


def plan(side: Side, name: str | None, options: RerunOptions, policy: Policy) -> RerunPlan:
    """What would be trained and what that takes, if it was measured before; the side needs no ledgers."""
    run = chosen(side, name)
    ledger, _ = ledger_of(run, planning=True)
    from auditor.rerun.pace import predicted  # an audit without a rerun does without
    from auditor.rerun.planning.device import trained_on

    there = located(options, ledger, policy)
    return predicted(plan_only(run, ledger, there), there, trained_on(run))


def rerunner(
    name: str | None,
    options: RerunOptions,
    policy: Policy,
    progress: Progress,
    announce: Callable[[str], None] = lambda _: None,
) -> Callable[[Side], RerunResult]:
    """A function that reruns the chosen run of a side; ``announce`` is told the cost before anything is trained, and
    that an environment is built.

    It raises UsageError when base or data is not known.
    """

    def train(side: Side) -> RerunResult:
        from auditor.rerun.session import cost, rerun  # a plan does without

        run = chosen(side, name)
        ledger = side.ledgers[run.name]
        there = located(options, ledger, policy)
        for what, value, option in (
            ("base model", there.base, "--base DIR"),
            ("data", there.data, "--data PATH"),
        ):
            if value is None:
                raise UsageError(f"a rerun needs the {what}", f"give {option}, or map its path under [paths]")
        planned = plan_only(run, ledger, there)
        if not planned.obstacles:
            announce(cost(run, planned, there))
        return rerun(run, ledger, there, progress, announce, planned)

    return train


def located(options: RerunOptions, ledger: Ledger, policy: Policy) -> RerunOptions:
    """The options with base and data found through the policy's path map, and its limits, where none was given."""
    steps, minutes, threads, timeout = (
        policy.rerun.get(key) for key in ("steps", "minutes", "threads", "timeout")
    )
    return replace(
        options,
        base=options.base or _mapped(ledger, ("base_model",), policy),
        data=options.data or _mapped(ledger, ("dataset_path", "dataset"), policy),
        steps=options.steps or (steps if isinstance(steps, int) else None),
        minutes=options.minutes or (minutes if isinstance(minutes, int | float) else None),
        threads=threads if isinstance(threads, int) else options.threads,
        timeout=options.timeout or (timeout if isinstance(timeout, int | float) else None),
    )


def _mapped(ledger: Ledger, keys: tuple[str, ...], policy: Policy) -> Path | None:
    for key in keys:
        claim = ledger.get(key)
        for statement in claim.statements if claim else ():
            here = policy.paths.get(str(statement.value))
            if here is not None:
                return Path(here)
    return None
