"""The plan of a rerun, with the libraries that made the run: what `audit rerun --plan` shows, and no more imports."""

from dataclasses import replace

from auditor.claims import Ledger
from auditor.errors import UsageError
from auditor.model import RerunPlan
from auditor.rerun.environments import environment
from auditor.rerun.environments.asked import CURRENT, checked, named
from auditor.rerun.environments.recorded import ranges, recorded
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning import plan as planning
from auditor.runs import Run


def plan_only(run: Run, ledger: Ledger, options: RerunOptions) -> RerunPlan:
    """What would be trained. Trains nothing and needs no torch."""
    named(options.environment)
    if options.command is not None and options.environment != CURRENT:
        raise UsageError("a command brings its own libraries", "leave --environment out")
    plan = planning.build(
        run,
        ledger,
        options.base,
        options.data,
        options.steps,
        options.span,
        options.coverage,
        options.trainer,
        options.command,
    )
    needed, found = environment.libraries_of(plan), recorded(run, ledger)
    checked(options.environment, needed)
    kept = {name: item for name, item in found.items() if name in needed or not item.assumed}
    open_ = () if options.command is not None else tuple(ranges(ledger, found))
    return replace(plan, libraries=kept, hypotheses=(*plan.hypotheses, *open_))
