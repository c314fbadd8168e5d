"""A whole experiment in one call, without a search and without measured steps unless they are asked for."""

from pathlib import Path
from typing import Any

from auditor.model import RerunPlan
from auditor.rerun import experiment
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import Outputs


def experiment_of(
    plan: RerunPlan,
    options: RerunOptions,
    progress: Progress,
    folder: Path,
    device: str | None = None,
    *,
    advice: experiment.Advice | None = None,
    **more: Any,
) -> Outputs:
    """Train a plan with its repeats and variation."""
    with experiment.begin(plan, options, progress, folder, device, **more) as bench:
        bench.prepare()
        return experiment.run(bench, advice)
