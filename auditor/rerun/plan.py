"""Claims -> RerunPlan: what will be trained, from which file each setting came, and what is in the way.

Pure but for counting the rows of the data file; needs no torch.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import Ledger
from auditor.model import RerunPlan, Setting, Span
from auditor.rerun import spans, trainers, trl_arguments
from auditor.rerun.command import Command, settings_of
from auditor.rerun.command import obstacles as unfit
from auditor.rerun.data import look, too_few
from auditor.rerun.obstacles import obstacles
from auditor.rerun.readings import readings
from auditor.rerun.settings import choose, source_of, warmup
from auditor.rerun.start import Start, start_of
from auditor.runs import Run

NEAR = 1e-3
"""Relative distance of logged epochs, which are rounded to 2 to 4 digits in older releases, from a whole number."""
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
    known = {**settings, **start.settings}
    known["trainer"] = trainers.choose(run, trainer, command, known["quantization"].value)
    by = str(known["trainer"].value)
    rows, broken = look(data, known["text_column"].value, by)
    total = _total(run, ledger, known, rows)
    known["packing"] = _packing(run, ledger, known, rows, total)
    number = _int(total.value) if total else 0
    if total is not None:
        known |= {"max_steps": total, "warmup_steps": warmup(ledger, number)}
    kind, parts = _parts(run, number, _budget(number, steps, coverage), span, known, start)
    shown = trl_arguments.settled(run, by, known)
    alternatives = (*start.alternatives(), *others, *readings(known))
    alternatives = tuple(item for item in alternatives if set(item.changes) <= set(shown))
    found = (*obstacles(run, ledger, shown, number or None, base, data), *broken, *_few(known, rows, number))
    if command is not None:
        shown, alternatives = settings_of(command, known), ()
        found = (*found, *unfit(command, number, parts[-1].stop))
    return RerunPlan(
        run=run.name,
        settings=dict(sorted(shown.items())),
        span=kind,
        stop_at=parts[-1].stop,
        parts=parts,
        total_steps=number,
        base=str(base) if base else "",
        data=str(data) if data else "",
        coverage=_coverage(run, ledger, known, parts, number, rows),
        obstacles=found,
        hypotheses=(*(item.says for item in alternatives), *(() if command else _further(run, ledger))),
        alternatives=alternatives,
        # A script of the user's own draws its adapter as it did before.
        unknown_start=None if command else start.unknown,
    )


def _few(known: Mapping[str, Setting], rows: int | None, number: int) -> tuple[str, ...]:
    """That the data has fewer rows than the steps draw, where they were counted."""
    return () if rows is None else tuple(too_few(known, rows, _steps_of_rows(known, rows), number))


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


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _total(run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None) -> Setting | None:
    """max_steps of trainer_state.json, else of the arguments, else arithmetic over rows and batches.

    Source of the arithmetic: transformers 5.23.0, trainer.py, set_initial_training_values: ceil(epochs x
    ceil(batches / accumulation)). It needs one example a row, so it is not used where rows may be packed.
    """
    state = run.latest(TrainerState)
    if state is not None and state.max_steps is not None and state.max_steps > 0:
        return Setting(state.max_steps, f"{state.path}#/max_steps")
    stated = ledger.statement("max_steps")
    if stated is not None and isinstance(stated.value, int) and stated.value > 0:
        return Setting(stated.value, source_of(stated))
    if rows is None or ledger.value("packing") is not False:
        return None
    number = _steps_of_rows(known, rows)
    return None if number is None else Setting(number, f"arithmetic: {rows} rows, one example each")


def _steps_of_rows(known: Mapping[str, Setting], rows: int) -> int | None:
    batch, accumulation = (
        _int(known[key].value) for key in ("per_device_train_batch_size", "gradient_accumulation_steps")
    )
    epochs = known["num_train_epochs"].value
    if batch < 1 or accumulation < 1 or not isinstance(epochs, int | float) or not math.isfinite(epochs):
        return None
    return math.ceil(epochs * max(1, math.ceil(math.ceil(rows / batch) / accumulation)))


def _packing(
    run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None, total: Setting | None
) -> Setting:
    """Declared; else whether one example a row gives the recorded number of steps."""
    stated = ledger.statement("packing")
    if stated is not None and isinstance(stated.value, bool):
        return Setting(stated.value, source_of(stated))
    length = known["block_size"].value or known["max_length"].value
    batches = _batches_by_epoch(run, known)
    if batches is not None and rows and length:
        return _packing_by_epoch(known, rows, batches)
    expected = _steps_of_rows(known, rows) if rows is not None else None
    if expected is None or total is None or not length:
        return Setting(False, "no file says it: one example a row", assumed=True)
    if expected == total.value:
        return Setting(
            False, f"arithmetic: {rows} rows, one example each, give the {expected} steps", assumed=True
        )
    says = (
        f"arithmetic: {rows} rows as one example each give {expected} steps, not the {total.value} recorded"
    )
    return Setting(True, says, assumed=True)


def _batches_by_epoch(run: Run, known: Mapping[str, Setting]) -> int | None:
    """Batches of an epoch by the first logged epoch, where max_steps was given and epochs say nothing of the total.

    Source: transformers 5.23.0, trainer.py: epoch = micro-batches seen / micro-batches in an epoch.
    """
    arguments, state = run.one(TrainingArgs), run.latest(TrainerState)
    if arguments is None or state is None or not (arguments.number("max_steps") or 0) > 0:
        return None
    accumulation = _int(known["gradient_accumulation_steps"].value)
    for step, epoch in state.logged("epoch")[:1]:
        found = accumulation * step / epoch if 0 < epoch <= 1 else 0.0
        if found >= 1 and abs(found - round(found)) <= NEAR * found:
            return round(found)
    return None


def _packing_by_epoch(known: Mapping[str, Setting], rows: int, batches: int) -> Setting:
    each = math.ceil(rows / max(1, _int(known["per_device_train_batch_size"].value)))
    says = f"arithmetic: {rows} rows as one example each give {each} batches an epoch"
    if each == batches:
        return Setting(False, f"{says}, as the logged epochs do", assumed=True)
    return Setting(True, f"{says}, the logged epochs {batches}", assumed=True)


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
        drawn = trained * _int(known["per_device_train_batch_size"].value)
        found["rows"] = min(1.0, drawn * _int(known["gradient_accumulation_steps"].value) / rows)
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
    if evaluated is not None and str(evaluated.value) not in ("no", "None"):
        yield (
            f"eval_strategy = {evaluated.value} ({source_of(evaluated)}): evaluation is not repeated, and it "
            "draws a number from torch's generator, which moves later dropout masks on a CPU"
        )
    arguments, config = run.one(TrainingArgs), run.one(AdapterConfig)
    if arguments is None and config is not None:
        yield "no training_args.bin was read: declared values stand for what the trainer received"
