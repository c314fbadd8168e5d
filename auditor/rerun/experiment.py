"""Trains a plan, its repeats, variations and whatever else is asked on the way, and hands back what they left."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor import __version__
from auditor.errors import IncompleteError
from auditor.model import RerunPlan
from auditor.rerun import environment, isolation
from auditor.rerun.asked import CURRENT
from auditor.rerun.bench import Bench, Inputs, Resumes, job
from auditor.rerun.interpreter import Interpreter, interpreter
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import Outputs
from auditor.rerun.runner import EndedEarlyError
from auditor.rerun.trials import REPEAT, RERUN, VARIATION, Trial

__all__ = ["Advice", "Inputs", "job", "run"]

Advice = Callable[[Outputs], Sequence[Trial]]
"""What to train next, given everything that was trained so far; nothing ends the experiment."""


def run(
    plan: RerunPlan,
    options: RerunOptions,
    progress: Progress,
    folder: Path,
    device: str | None = None,
    *,
    resumes: Resumes | None = None,
    advice: Advice | None = None,
    python: Interpreter | None = None,
) -> Outputs:
    """Train everything into ``folder``, or find it in the cache, a training at a time.

    ``device`` cpu hides this machine's GPUs, whose generators draw other dropout masks than a CPU's. ``resumes``
    writes the states of parts that begin at a committed checkpoint. ``python`` trains; None is this one. Raises
    UsageError when the libraries are missing, IncompleteError when the rerun did not finish.
    """
    inputs, python = Inputs.of(options), python or interpreter(plan, CURRENT, lambda _: None)
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    digests = inputs.digests()
    if options.command is not None:
        options = replace(options, cache=False)  # what else a script reads is not known
    question = {**_question(options, python), "inputs": digests, "hidden": hidden}
    inherited = {**os.environ, **hidden}
    surroundings = python.variables(inherited)
    bench = Bench(plan, options, inputs, folder, surroundings, progress, question, python.command)
    with bench:
        bench.prepare(resumes)
        outputs = _experiment(bench, digests, advice)
        return replace(outputs, removed=isolation.removed(inherited, surroundings))


def _question(options: RerunOptions, python: Interpreter) -> Mapping[str, object]:
    """Everything besides the inputs' bytes and the trial itself that decides what a training gives."""
    return {
        "auditor": __version__,
        "versions": python.versions,
        "packages": python.packages,
        "processor": environment.processor(),
        "arithmetic": environment.arithmetic(os.environ),
        "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": options.threads,
    }


def _experiment(bench: Bench, digests: Mapping[str, str], advice: Advice | None) -> Outputs:
    """The rerun and its repeats, the variation, then whatever the advice asks for until it is silent."""
    repeats = [Trial(f"repeat-{n}", REPEAT, "the same settings") for n in range(1, bench.options.repeats)]
    bench.expect(1 + len(repeats) + bench.options.variation)
    first, *others = bench.train([Trial(RERUN, RERUN), *repeats])
    outputs = Outputs(first, tuple(others), inputs=digests)
    if bench.options.variation:
        outputs = _varied(bench, outputs)
    if advice is not None:
        outputs = _advised(bench, outputs, advice)
    bench.write_manifest()
    return outputs


def _advised(bench: Bench, outputs: Outputs, advice: Advice) -> Outputs:
    """Whatever the advice asks for; what ends it early is noted, and what was trained until then stands."""
    try:
        while trials := tuple(advice(outputs)):
            bench.expect(len(trials))
            for trial in trials:
                outputs = outputs.more(bench.train([trial]))
    except IncompleteError as error:
        says = f"not every control and other reading was trained: {error.message}"
        outputs = replace(outputs, notes=(*outputs.notes, says))
    return outputs


def _varied(bench: Bench, outputs: Outputs) -> Outputs:
    try:
        return outputs.more(bench.train([_variation(bench, outputs)]))
    except EndedEarlyError:
        raise
    except IncompleteError as error:
        says = f"the variation could not be trained, so no noise was measured: {error.message}"
        return replace(outputs, notes=(*outputs.notes, says))


def _variation(bench: Bench, outputs: Outputs) -> Trial:
    """The stand-in for another machine: on a CPU another instruction set, on a GPU another attention kernel."""
    commanded = bench.options.command is not None
    if commanded or str(outputs.environment.get("device", "cpu")) == "cpu":
        varied = environment.variation(bench.options.threads, inherited=bench.surroundings)
        return Trial(VARIATION, VARIATION, varied.says, flags=varied.variables, threads=varied.threads)
    other = "sdpa" if bench.plan.settings["attn_implementation"].value == "eager" else "eager"
    return Trial(VARIATION, VARIATION, f"{other} attention", {"attn_implementation": other})
