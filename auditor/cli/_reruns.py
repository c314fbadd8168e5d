"""What the options of a rerun ask for; the rerun itself is imported only when one is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli import _output

if TYPE_CHECKING:
    from auditor.engine.audit import Rerunner
    from auditor.policy import Policy
    from auditor.rerun.options import RerunOptions

Amount = tuple[int | None, float | None, str, float | None, bool]
"""Steps, share of all steps, span, minutes, and whether near recipes are left out."""


def wanted(
    base: Path | None, data: Path | None, amount: Amount, keep: Path | None, no_cache: bool, debug: bool
) -> "RerunOptions":
    """The options as the engine takes them."""
    from auditor.engine.rerun import RerunOptions

    steps, coverage, span, minutes, no_controls = amount
    return RerunOptions(
        base=base,
        data=data,
        steps=steps,
        coverage=coverage,
        span=span,
        minutes=minutes,
        keep=keep,
        cache=not no_cache,
        controls=not no_controls,
        hypotheses=not no_controls,
        debug=debug,
    )


def rerunner(policy: "Policy", options: "RerunOptions", run_name: str | None, quiet: bool) -> "Rerunner":
    """A function that reruns the chosen run, with progress and cost told on stderr."""
    from auditor.cli._progress import progress_bar
    from auditor.engine.rerun import rerunner as made

    return made(run_name, options, policy, progress_bar(quiet), lambda text: _output.tell(text, quiet))
