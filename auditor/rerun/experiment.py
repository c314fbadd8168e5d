"""Trains a plan, its repeats, variations and whatever else is asked on the way, and hands back what they left."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor import __version__
from auditor.errors import IncompleteError
from auditor.model import RerunPlan, Setting
from auditor.rerun.bench import Bench, Resumes, Trained
from auditor.rerun.environments import environment, isolation
from auditor.rerun.environments.asked import CURRENT
from auditor.rerun.environments.interpreter import Interpreter, interpreter
from auditor.rerun.fleet.devices import gpus, names
from auditor.rerun.fleet.machines import placed
from auditor.rerun.fleet.order import Site
from auditor.rerun.jobs import Inputs
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import Outputs
from auditor.rerun.trials import REPEAT, RERUN, UNFINISHED, VARIATION, Trial

Advice = Callable[[Outputs], Sequence[Trial]]
"""What to train next, given everything that was trained so far; nothing ends the experiment."""


def begin(
    plan: RerunPlan,
    options: RerunOptions,
    progress: Progress,
    folder: Path,
    device: str | None = None,
    resumes: Resumes | None = None,
    *,
    python: Interpreter | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Bench:
    """Where everything will be trained into ``folder``, or found in the cache, a training at a time or several.

    ``device`` cpu hides this machine's GPUs, whose generators draw other dropout masks than a CPU's. ``resumes``
    writes the states of parts that begin at a committed checkpoint. ``python`` trains; None is this one. ``tell`` is
    told how each training ended where several run at a time. Raises UsageError when the libraries are missing.
    """
    inputs, python = Inputs.of(options), python or interpreter(plan, CURRENT, lambda _: None)
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    digests = inputs.digests()
    if options.command is not None:
        options = replace(options, cache=False)  # what else a script reads is not known
    question = {**_question(options, python), "inputs": digests, "hidden": hidden}
    there = {name: (path, digests[name]) for name, path in inputs.paths.items()}
    site = Site(folder, python, hidden, there, options.command, device, debug=options.debug)
    return Bench(plan, options, inputs, site, progress, question, tell, resumes)


def run(bench: Bench, advice: Advice | None = None) -> Outputs:
    """Train everything, once the bench is prepared. Raises IncompleteError when the rerun did not finish."""
    outputs = _experiment(bench, advice)
    return replace(
        outputs, removed=isolation.removed({**os.environ, **bench.site.hidden}, bench.site.surroundings)
    )


def first(bench: Bench) -> list[Trial]:
    """The rerun, its repeats, and the variation where it is known beforehand how that will differ."""
    repeats = [Trial(f"repeat-{n}", REPEAT, "the same settings") for n in range(1, bench.options.repeats)]
    varied = _variations(bench) if bench.options.variation and _computes_on_cpu(bench) else []
    return [Trial(RERUN, RERUN), *repeats, *varied]


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
        **_elsewhere(options),
    }


def _elsewhere(options: RerunOptions) -> Mapping[str, object]:
    """What tells trainings of other machines, or of GPUs of several kinds, from those of this one."""
    if options.where.is_remote:
        return {"where": options.where.text}
    mixed = set(names()) if (options.jobs or 1) > 1 else set()
    return {"GPUs": sorted(mixed)} if len(mixed) > 1 else {}


def _experiment(bench: Bench, advice: Advice | None) -> Outputs:
    """The rerun, its repeats and the variation, then whatever the advice asks for until it is silent."""
    trials = first(bench)
    varied = any(trial.role == VARIATION for trial in trials)
    later = [] if varied or not bench.options.variation else [Trial(VARIATION, VARIATION)]
    bench.expect([*trials, *later])
    made = bench.train(trials)
    rerun, *others = made.outputs or (None,)
    if made.early is not None or rerun is None:
        raise made.early or IncompleteError("the rerun was not trained")
    digests = {name: digest for name, (_, digest) in bench.site.inputs.items()}
    outputs = _with(Outputs(rerun, inputs=digests), replace(made, outputs=tuple(others)))
    if bench.options.variation and not varied:
        made = bench.train(_variations(bench, outputs))
        if made.early is not None:
            raise made.early
        outputs = _with(outputs, made)
    if advice is not None:
        outputs = _advised(bench, outputs, advice)
    return outputs


def _with(outputs: Outputs, made: Trained) -> Outputs:
    """The outputs with further ones, each by the machine it ran on, and a note for each that could not be trained."""
    found = outputs.more([placed(output, outputs.rerun) for output in made.outputs])
    notes = [_failed(name, error) for name, error in made.failed.items() if error is not made.early]
    return replace(found, notes=(*found.notes, *notes), failed=(*found.failed, *made.failed))


def _failed(name: str, error: IncompleteError) -> str:
    # What a child printed names paths of its machine, and a report goes to others.
    first = error.message.partition("\n")[0]
    if name == VARIATION:
        return f"the variation could not be trained, so no noise was measured: {first}"
    return f"{name} could not be trained: {first}"


def _advised(bench: Bench, outputs: Outputs, advice: Advice) -> Outputs:
    """Whatever the advice asks for; what ends it early is noted, and what was trained until then stands."""
    try:
        while trials := [trial for trial in advice(outputs) if trial.name not in outputs.failed]:
            bench.expect(trials)
            made = bench.train(trials)
            outputs = _with(outputs, made)
            if made.early is not None:
                raise made.early
    except IncompleteError as error:
        says = f"{UNFINISHED}{error.message}"
        outputs = replace(outputs, notes=(*outputs.notes, says))
    return outputs


def _computes_on_cpu(bench: Bench) -> bool:
    """Whether it is known beforehand that no GPU trains, so that the variation can be trained beside the rerun."""
    if bench.options.command is not None or bench.site.hidden:
        return True
    return not bench.options.where.is_remote and not gpus(bench.site.surroundings)


def _variations(bench: Bench, outputs: Outputs | None = None) -> list[Trial]:
    """The stand-in for another machine: on a CPU another instruction set, on a GPU another attention kernel.

    Without outputs no GPU trains.
    """
    commanded = bench.options.command is not None
    if outputs is None or commanded or str(outputs.environment.get("device", "cpu")) == "cpu":
        varied = environment.variation(bench.options.threads, inherited=bench.site.surroundings)
        made = Trial(VARIATION, VARIATION, varied.says, flags=varied.variables, threads=varied.threads)
        short = not commanded and _is_short(bench.plan.settings)
        return [made, _other_kernel(bench, "variation-2")] if short else [made]
    return [_other_kernel(bench)]


def _other_kernel(bench: Bench, name: str = VARIATION) -> Trial:
    other = "sdpa" if bench.plan.settings["attn_implementation"].value == "eager" else "eager"
    return Trial(name, VARIATION, f"{other} attention", {"attn_implementation": other})


def _is_short(settings: Mapping[str, Setting]) -> bool:
    """Whether numbers of 16 bits may be computed with: there another kernel moves more than other instructions.

    Measured on a CPU with bfloat16 autocast, 7 steps: 0.0085 by sdpa for eager attention, 0.0022 by AVX2 for AVX-512.
    """
    quantised = "quantization" in settings and settings["quantization"].value is not None
    keys = ("compute_dtype",) if quantised else ("compute_dtype", "dtype", "cast_to")
    values = {settings[key].value for key in keys if key in settings}
    return not values.isdisjoint(("bfloat16", "float16", "auto"))
