"""Claims -> RerunPlan: what will be trained, from which file each setting came, and what is in the way.

Pure but for counting the rows of the data file; needs no torch.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import Ledger
from auditor.model import Alternative, RerunPlan, Setting, Span
from auditor.rerun.command import Command, settings_of
from auditor.rerun.command import obstacles as unfit
from auditor.rerun.planning import (
    evaluation,
    gone_on,
    mean_loss,
    spans,
    splits,
    trainers,
    trl_arguments,
    trl_defaults,
)
from auditor.rerun.planning.counted import counted, steps_of_rows, whole
from auditor.rerun.planning.data import look, too_few
from auditor.rerun.planning.extras import other_kernels
from auditor.rerun.planning.obstacles import obstacles
from auditor.rerun.planning.readings import of_run
from auditor.rerun.planning.settings import choose, source_of
from auditor.rerun.planning.start import Start, start_of
from auditor.runs import Run

_COMPARABLE = (
    "adapter_model.safetensors",
    "adapter_model.bin",
    "model.safetensors",
    "trainer_state.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
)


def build(
    run: Run,
    ledger: Ledger,
    base: Path | None,
    data: Path | None,
    steps: int | None = None,
    span: str = spans.AUTO,
    coverage: float | None = None,
    trainer: str = trainers.AUTO,
    command: Command | None = None,
) -> RerunPlan:
    """Decide what to train. A plan with obstacles is complete but for what they name.

    ``steps`` is the budget of optimizer steps of one training, ``coverage`` the same as a share of all steps; ``span``
    is a word of `spans.choose`, ``trainer`` one of `trainers.choose`; both raise UsageError for one that is wrong.
    """
    settings, others = choose(run, ledger)
    start = start_of(run, settings["seed"].value)
    known = {**settings, **start.settings, **evaluation.passes(run), **evaluation.saving(settings)}
    known["trainer"] = trainers.choose(run, trainer, command, known["quantization"].value)
    found, usual = trl_defaults.defaults(run, ledger, known)
    known |= found
    rows, broken = look(data, known["text_column"].value, known["trainer"].value)
    found, more = _by_rows(run, ledger, known, rows)
    known |= found if command is None else _without_assumed_total(found)
    number = whole(known["max_steps"].value) if "max_steps" in known else 0
    done = spans.made(run, number)
    kind, parts = _parts(run, done, _budget(done, steps, coverage), span, known, start)
    shown = trl_arguments.settled(run, str(known["trainer"].value), known)
    likely = (*start.alternatives(), *others, *usual, *more, *of_run(run, ledger, known))
    alternatives = tuple(item for item in likely if set(item.changes) <= set(shown))
    stops = (*obstacles(run, ledger, shown, number or None, base, data), *broken, *_few(known, rows, number))
    stops = (*stops, *gone_on.obstacles(run, known))
    if command is not None:
        shown, alternatives = settings_of(command, known), ()
        stops = (*stops, *unfit(command, done, parts[-1].stop))
    return RerunPlan(
        run=run.name,
        settings=dict(sorted(shown.items())),
        span=kind,
        stop_at=parts[-1].stop,
        parts=parts if command is not None else gone_on.marked(run, parts),
        total_steps=done,
        base=str(base) if base else "",
        data=str(data) if data else "",
        coverage=_coverage(run, ledger, known, parts, done, rows),
        obstacles=stops,
        hypotheses=(*(item.says for item in alternatives), *(() if command else _further(run, ledger))),
        alternatives=alternatives,
        unknown_start=None if command else start.unknown,  # a script draws its adapter as it did before
    )


def _without_assumed_total(found: Mapping[str, Setting]) -> dict[str, Setting]:
    """What was worked out, for a script: it takes its own number of steps unless a file tells it."""
    return {key: setting for key, setting in found.items() if key != "max_steps" or not setting.assumed}


def _by_rows(
    run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None
) -> tuple[dict[str, Setting], tuple[Alternative, ...]]:
    """Settings that the number of rows decides, what else it allows, and those that follow from what is known then."""
    found, more = counted(run, ledger, known, rows)
    known = {**known, **found}
    parted, others = splits.of_run(run, known, rows)
    return {**found, **parted, **mean_loss.settings(known)}, (*more, *others)


def _few(known: Mapping[str, Setting], rows: int | None, number: int) -> tuple[str, ...]:
    """That the data has fewer rows than the steps draw, where they were counted."""
    return () if rows is None else tuple(too_few(known, rows, steps_of_rows(known, rows), number))


def _parts(
    run: Run, number: int, budget: int, span: str, known: Mapping[str, Setting], start: Start
) -> tuple[str, tuple[Span, ...]]:
    """The kind of span and its parts; where nothing here begins as the run did, every checkpoint is a beginning."""
    resumes, optim = trainers.TRAINERS[str(known["trainer"].value)].resumes, known["optim"].value
    chosen = spans.choose(run, number, budget, span, resumes, optim)
    if start.unknown is None or span != spans.AUTO or not resumes:
        return chosen
    return spans.resumed(run, number, budget, optim) or chosen


def _budget(total: int, steps: int | None, coverage: float | None) -> int:
    """Steps of one training: as given, else a share of all, else the usual number; the smaller of two given."""
    given = [] if steps is None else [steps]
    if coverage is not None:
        given.append(math.ceil(total * coverage))
    return max(1, min(given, default=spans.DEFAULT_STEPS))


def _coverage(
    run: Run,
    ledger: Ledger,
    known: Mapping[str, Setting],
    parts: Sequence[Span],
    total: int,
    rows: int | None,
) -> Mapping[str, float]:
    """Shares between 0 and 1: of steps, of committed files that can be compared, of claims taken, of rows."""
    found: dict[str, float] = {}
    trained = sum(part.steps for part in parts)
    if total:
        found["steps"] = trained / total
    files = list(_files(run, parts, total))
    if files:
        found["files"] = sum(files) / len(files)
    if ledger.claims:
        taken = {key for key, setting in known.items() if not setting.assumed} & set(ledger.claims)
        found["claims"] = len(taken) / len(ledger.claims)
    if rows and known["packing"].value is False:
        drawn = trained * whole(known["per_device_train_batch_size"].value)
        found["rows"] = min(1.0, drawn * whole(known["gradient_accumulation_steps"].value) / rows)
    return found


def _files(run: Run, parts: Sequence[Span], total: int) -> Iterator[bool]:
    """For each committed file that a rerun writes too: whether the span reaches it and it is here."""
    for folder in run.folders:
        step = folder.step if folder.step is not None else total
        reached = any(part.start < step <= part.stop for part in parts)
        for name in _COMPARABLE:
            blob = run.blob(name, folder)
            if blob is not None:
                yield reached and blob.absent is None
    for _ in run.events:
        yield True


def _further(run: Run, ledger: Ledger) -> Iterator[str]:
    """What no training here can try, and what to think of before anything is called diverged."""
    evaluated = ledger.statement("eval_strategy")
    if evaluated is not None and str(evaluated.value) not in ("no", "None") and not evaluation.passes(run):
        yield (
            f"eval_strategy = {evaluated.value} ({source_of(evaluated)}), and no log tells when evaluation ran: each "
            "draws a number from torch's generator, which moves later dropout masks on a CPU"
        )
    yield from gone_on.says(run)
    if (kernels := other_kernels(run)) is not None:
        yield f"{kernels}, which rounds otherwise"
    arguments, config = run.one(TrainingArgs), run.one(AdapterConfig)
    if arguments is None and config is not None:
        yield "no training_args.bin was read: declared values stand for what the trainer received"
