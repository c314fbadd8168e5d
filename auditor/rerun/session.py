"""The rerun of one run, from plan to verdict: the one entry for the engine."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from auditor.claims import Ledger
from auditor.errors import IncompleteError, UsageError
from auditor.model import RerunPlan, RerunResult
from auditor.rerun import cache, experiment
from auditor.rerun.bench import Resumes
from auditor.rerun.environments import environment
from auditor.rerun.environments.interpreter import interpreter
from auditor.rerun.forecast import settle
from auditor.rerun.options import Progress, RerunOptions, silent
from auditor.rerun.planning import resume
from auditor.rerun.planning.device import trained_on
from auditor.rerun.planning.planned import plan_only
from auditor.rerun.runner import terminated_as_interrupt
from auditor.rerun.search import Search
from auditor.runs import Run

__all__ = ["Progress", "RerunOptions", "cost", "plan_only", "rerun", "silent"]


def cost(run: Run, plan: RerunPlan, options: RerunOptions) -> str:
    """What a rerun will take, in one sentence, before anything is trained."""
    trainings = options.repeats + options.variation
    times = (
        "once"
        if trainings == 1
        else f"{trainings} times (the run, its repeat, another instruction set or kernel)"
    )
    space = environment.space_needed(run, plan, trainings) / 1e6
    return f"rerun of {plan.words}: {plan.length}, trained {times}; {space:,.0f} MB of scratch space at most"


def rerun(
    run: Run,
    ledger: Ledger,
    options: RerunOptions,
    progress: Progress = silent,
    announce: Callable[[str], None] = lambda _: None,
    plan: RerunPlan | None = None,
) -> RerunResult:
    """Plan, measure two steps, train, compare.

    ``plan`` is what `plan_only` gave, where that was asked for before. ``announce`` is told what was measured before
    the training begins, and that an environment is built.
    Raises UsageError when the plan has an obstacle or a library is missing, IncompleteError when training did
    not finish.
    """
    plan = plan or plan_only(run, ledger, options)
    if plan.obstacles:
        more = f" (and {len(plan.obstacles) - 1} more)" if len(plan.obstacles) > 1 else ""
        raise UsageError(
            f"this run cannot be rerun: {plan.obstacles[0]}{more}", "audit rerun --plan shows the whole plan"
        )
    python = interpreter(plan, options.environment, announce)
    environment.require_memory(options.base)
    with terminated_as_interrupt(), _folder(options) as folder:
        trainings = options.repeats + options.variation
        environment.require_space(folder, environment.space_needed(run, plan, trainings))
        try:
            begun = experiment.begin(
                plan, options, progress, folder, trained_on(run), _states(run), python=python, tell=announce
            )
            with begun as bench:
                settle(
                    bench,
                    lambda steps: plan_only(run, ledger, replace(options, steps=steps)),
                    lambda: bench.holds(experiment.first(bench)),
                    announce,
                )
                search = Search(run, ledger, bench.plan, options)
                outputs = experiment.run(bench, search)
        except IncompleteError as error:
            if options.keep is not None:
                error.hint = f"{error.hint}; what was trained until then is in {options.keep}".lstrip("; ")
            raise
        return search.result(outputs)


def _states(run: Run) -> Resumes:
    return lambda plan, span, target: resume.write(run, span, target, plan.settings)


@contextmanager
def _folder(options: RerunOptions) -> Iterator[Path]:
    """Where outputs go: a temporary folder that is removed, or the one to keep, which must be new or empty.

    Other machines seldom see this one's temporary folder, but mostly the home that holds the cache.
    """
    keep = options.keep
    if keep is None:
        parent = cache.folder().with_name("jobs") if options.where.is_remote else None
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix="audit-rerun-", dir=parent, ignore_cleanup_errors=True
        ) as name:
            yield Path(name).resolve() if parent is not None else Path(name)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UsageError(f"{keep} is not empty", "give --keep a new folder")
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{keep} cannot be made: {error.strerror}", "give --keep another folder") from error
    yield keep.resolve()
