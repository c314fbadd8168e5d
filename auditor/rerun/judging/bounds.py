"""What a verdict rests on: the same libraries and kind of machine, the share covered, and what stays open."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger
from auditor.model import Aspect, RerunPlan, Verdict, VersionRange
from auditor.rerun.judging.curve_gap import NO_CURVE, curves_of
from auditor.rerun.judging.gaps import Floors, of_updates
from auditor.rerun.judging.releases import minor, used
from auditor.rerun.judging.tokens_gap import TAGS as COUNTED_TOKENS
from auditor.rerun.outputs import Output, Outputs, rows_drawn
from auditor.rerun.planning.data import count_rows
from auditor.rerun.planning.device import trained_on
from auditor.rerun.planning.extras import other_kernels
from auditor.rerun.planning.trainers import COMMAND
from auditor.runs import Run

CONFIG_LIMIT = 16 * 1024 * 1024
"""Bytes read of a base model's config.json."""
COMMANDED = (
    "How the command seeds, orders and batches its rows, and what else it reads, is its own and is not known."
)
NAMED, WIDTH = 8, 40
"""Keys of logs named, and characters shown of each."""
_PROVED = ("transformers", "peft")
"""Libraries whose release evidence derives from files (claims transformers_version and peft_version)."""


def unlike(run: Run, ledger: Ledger, plan: RerunPlan, environment: Mapping[str, object]) -> str | None:
    """Why this machine would differ from an honest run's by more than noise; None if nothing says so."""
    if plan.unknown_start is not None and any(part.start == 0 for part in plan.trained):
        return f"the run did not begin with the declared seed's adapter: {plan.unknown_start}"
    device = str(environment.get("device", "cpu"))
    home = trained_on(run)
    if home == "cuda" and device == "cpu":
        return "the run was trained on a GPU, whose generator draws other dropout masks than this CPU"
    if home == "cpu" and device != "cpu":
        return "the run was trained on a CPU, whose generator draws other dropout masks than this GPU"
    if home == "cpu" and "evaluations" in plan.settings and plan.settings["quantization"].value == "int4":
        return "the run was evaluated between steps on a CPU, where 4-bit layers lose gradients on some processors"
    for name in _PROVED:
        wrote = ledger.derived(f"{name}_version")
        here = used(environment, name)
        if isinstance(wrote, VersionRange) and here is not None and not _holds(wrote, here):
            return (
                f"the run was made by {name} {wrote} and this rerun by {here}, which may compute otherwise "
                "(--environment recorded trains with the former)"
            )
    return newer_base(plan.base, environment) or other_kernels(run)


def newer_base(base: str, environment: Mapping[str, object]) -> str | None:
    """That the base's configuration was written by a newer transformers, whose keys an older one passes over.

    So 4.51.3 takes no notice of ``layer_types`` and ``rope_parameters`` (models/gemma3/configuration_gemma3.py), by
    which later releases tell the layers apart.
    """
    wrote, here = _written_by(Path(base)) if base else None, used(environment, "transformers")
    if wrote is None or here is None or minor(wrote) <= minor(here):
        return None
    return (
        f"the base model's config.json was written by transformers {wrote}, "
        f"and {here}, which trained here, does not know all of its keys"
    )


def _written_by(base: Path) -> str | None:
    """``transformers_version`` of a base model's config.json; None where it cannot be read."""
    try:
        with (base / "config.json").open("rb") as stream:
            table = json.loads(stream.read(CONFIG_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    version = table.get("transformers_version") if isinstance(table, dict) else None
    return version[:40] if isinstance(version, str) else None


def same_release(ledger: Ledger, environment: Mapping[str, object]) -> bool:
    """Whether the release of transformers that made the run is known to be the one here, patches aside."""
    wrote, here = ledger.derived("transformers_version"), used(environment, "transformers")
    if not isinstance(wrote, VersionRange) or here is None or not wrote.low or not wrote.high:
        return False
    return minor(wrote.low) == minor(wrote.high) == minor(here)


def _holds(wrote: VersionRange, here: str) -> bool:
    """Whether a release lies in a range by its first two numbers: patches do not change arithmetic."""
    below = wrote.low is not None and minor(here) < minor(wrote.low)
    above = wrote.high is not None and minor(here) > minor(wrote.high)
    return not below and not above


def coverage_of(plan: RerunPlan, aspects: Sequence[Aspect], rerun: Output) -> Mapping[str, float]:
    """The plan's shares, with files that really were compared and rows that really reached a batch."""
    found = dict(plan.coverage)
    files = {aspect.at for aspect in aspects if aspect.at is not None}
    compared = {a.at for a in aspects if a.at is not None and a.verdict is not Verdict.INCONCLUSIVE}
    if files and "files" in found:
        found["files"] *= len(compared) / len(files)
    drawn = rows_drawn(rerun)
    column = plan.settings.get("text_column")
    known = count_rows(Path(plan.data), column.value if column else "text") if plan.data else None
    if drawn is not None and known:
        found["rows"] = min(1.0, len(drawn) / known)
    return found


def does_not_prove(
    run: Run, plan: RerunPlan, outputs: Outputs, floors: Floors, safety: float
) -> tuple[str, ...]:
    """What stays open whatever the verdict is."""
    trainer = plan.settings.get("trainer")
    own = (COMMANDED,) if trainer is not None and trainer.value == COMMAND else ()
    return (*own, *_open(run, plan, outputs, floors, safety))


def _open(run: Run, plan: RerunPlan, outputs: Outputs, floors: Floors, safety: float) -> Iterator[str]:
    yield "Other rows that reach no batch, and text beyond the truncation, would give the same weights."
    yield "Another base model that gives the same answers on these rows would give the same weights."
    if plan.steps < plan.total_steps:
        if plan.span == "segments":
            yield f"Of {plan.total_steps} steps, {plan.total_steps - plan.steps} were not trained again."
            yield "What led to the checkpoints that segments resume from was not trained again."
        else:
            yield f"Steps {plan.stop_at + 1} to {plan.total_steps} were not trained again."
    noise = max(of_updates(floors), default=None)
    if noise:
        yield f"A change that moves the update by less than {safety * noise:.2g} is noise here."
    if outputs.variations and noise == 0:
        yield "The variation moved no bit, so the noise of another machine is not known."
    if not outputs.variations:
        yield "No variation was trained, so the noise of another machine is not known."
    dtype = plan.settings.get("compute_dtype")
    if dtype and dtype.value == "float16" and outputs.environment.get("device", "cpu") == "cpu":
        yield "fp16 has no effect on a CPU, so nothing is said about the declared fp16."
    yield from _unheld(run, outputs.rerun)
    yield from _other_releases(plan, outputs)
    unknown = [key for key, setting in plan.settings.items() if setting.assumed]
    if unknown:
        yield f"No file says {', '.join(sorted(unknown))}: the values in the plan were assumed."


def _unheld(run: Run, rerun: Output) -> Iterator[str]:
    """Keys of log_history and scalars of event files that a training of ours does not log, or that a clock decides."""
    rows = (key for state in run.all(TrainerState) for key in state.row_keys)
    tags = (tag.removeprefix("train/").replace("/", "_") for log in run.events for tag in log.scalars)
    found = sorted({*rows, *tags} - {*curves_of(rerun), *NO_CURVE, *COUNTED_TOKENS})
    if found:
        more = f" and {len(found) - NAMED} more keys" if len(found) > NAMED else ""
        named = ", ".join(name[:WIDTH] for name in found[:NAMED])
        yield f"Nothing was held against what logs say of {named}{more}."


def _other_releases(plan: RerunPlan, outputs: Outputs) -> Iterator[str]:
    """Every library whose release here is not the one that files name, or that was chosen without their word."""
    for name, setting in sorted(plan.libraries.items()):
        here = used(outputs.environment, name)
        if here is None:
            continue
        if setting.value is not None and setting.value != here:
            taken = "is taken to be" if setting.assumed else "was"
            yield f"The run {taken} made by {name} {setting.value} ({setting.source}); this rerun used {here}."
        elif setting.assumed:
            yield f"No file proves which {name} made the run ({setting.source}); this rerun used {here}."
    if (newer := newer_base(plan.base, outputs.environment)) is not None:
        yield f"{newer[0].upper()}{newer[1:]}."
