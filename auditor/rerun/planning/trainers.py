"""Who trains a rerun, chosen without importing torch: the reference pipeline, TRL's trainers, or the user's command."""

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.errors import UsageError
from auditor.model import RerunPlan, Setting
from auditor.rerun.planning.methods import is_full
from auditor.runs import Run, trainer_of

if TYPE_CHECKING:
    from auditor.rerun.command import Command

AUTO, REFERENCE, SFT, DPO, COMMAND = "auto", "reference", "sft", "dpo", "command"


@dataclass(frozen=True, slots=True)
class Trainer:
    """What one trainer can do: go on from states, train on a quantised base, train every parameter.

    ``readings`` tells whether the plan's settings decide what it does, so that controls and other readings can be
    trained; ``needs`` are libraries besides the usual ones.
    """

    says: str
    resumes: bool
    quantises: bool
    full: bool
    readings: bool
    needs: tuple[str, ...] = ()


TRAINERS = {
    REFERENCE: Trainer("transformers' Trainer on rows of text", True, True, True, True),
    SFT: Trainer("TRL's SFTTrainer", True, True, True, True, ("trl", "datasets")),
    DPO: Trainer("TRL's DPOTrainer", True, True, False, True, ("trl", "datasets")),
    COMMAND: Trainer("the command given", False, True, True, False),
}
_TRL = {"SFT": SFT, "DPO": DPO}


def choose(
    run: Run, asked: str = AUTO, command: "Command | None" = None, quantization: object = None
) -> Setting:
    """The trainer of a run and why: as asked, else by the class of training_args.bin, else as declared.

    Raises UsageError for a name that is none, and for a command without its trainer or the other way round.
    """
    if asked not in (AUTO, *TRAINERS):
        raise UsageError(f"there is no trainer {asked!r}", f"use one of {', '.join((AUTO, *TRAINERS))}")
    if command is not None and asked not in (AUTO, COMMAND):
        raise UsageError(f"a command was given, and the trainer {asked!r}", "leave one of them out")
    if asked == COMMAND and command is None:
        raise UsageError(
            "the trainer is the command, and none was given",
            'give --command "python /path/train.py --output {output} ..."',
        )
    if command is not None:
        return Setting(COMMAND, command.source)
    return _proven(run, quantization) if asked == AUTO else Setting(asked, "as asked")


def made_by(run: Run) -> str | None:
    """The kind of TRL's trainer (``SFT``, ``DPO``, ...) that left a run; None for a plain one."""
    return next((kind for folder in run.folders if (kind := trainer_of(folder)) is not None), None)


def _proven(run: Run, quantization: object) -> Setting:
    arguments, found = run.one(TrainingArgs), made_by(run)
    where = arguments.path if arguments else f"the log of {run.name}"
    if found == "SFT":
        why = None if installed(SFT) else "trl is not installed"
        why = next(_beyond(SFT, run, quantization), why)
        if why is not None:
            says = f"{where} is of TRL's SFTTrainer, the reference pipeline stands in: {why}"
            return Setting(REFERENCE, says, assumed=True)
    if found in _TRL:
        return Setting(_TRL[found], f"{where} is of TRL's {found}Trainer")
    if arguments is not None:
        return Setting(REFERENCE, f"{arguments.path} is of {arguments.class_name.rpartition('.')[2]}")
    declared = run.recipe.trainer if run.recipe is not None else None
    if run.recipe is None or declared is None:
        return Setting(REFERENCE, "no file says it: the reference pipeline", assumed=True)
    if declared == DPO:
        return Setting(DPO, f"{run.recipe.path} declares it")
    return Setting(
        REFERENCE, f"{run.recipe.path} declares {declared}, for which the reference pipeline stands"
    )


def installed(name: str) -> bool:
    """Whether the libraries of a trainer can be found; nothing is imported."""
    return all(importlib.util.find_spec(library) is not None for library in TRAINERS[name].needs)


def stands_in(run: Run, plan: RerunPlan, environment: Mapping[str, object]) -> str | None:
    """Why a difference may be the trainer's alone: the run was made by another one; None where nothing says so.

    Of a command nothing is said unless the releases it trains with are unknown (``environment`` names none).
    """
    taken, found, arguments = plan.settings.get("trainer"), made_by(run), run.one(TrainingArgs)
    if taken is not None and taken.value == COMMAND:
        return (
            None if environment.get("versions") else "the releases that the command trains with are not known"
        )
    if taken is None:
        return None
    here = TRAINERS[str(taken.value)].says
    if arguments is not None and "unsloth" in arguments.class_name.lower():
        return f"the run was made by unsloth, which has its own kernels, and this rerun by {here}"
    quantization = plan.settings.get("quantization")
    if taken.value in _TRL.values() and quantization is not None and quantization.value is not None:
        return "TRL leaves it to the script whether a quantised base is prepared, and no file says it was"
    if found is None or taken.value == _TRL.get(found):
        return None
    return f"the run was made by TRL's {found}Trainer and this rerun by {here}"


def refusals(run: Run, chosen: Setting, quantization: object) -> Iterator[str]:
    """What the chosen trainer cannot do and this run asks for."""
    name, found = str(chosen.value), made_by(run)
    if name != COMMAND and found is not None and found not in _TRL:
        yield f"the run was made by TRL's {found} trainer; only SFT and DPO are rerun (or your own script: --command)"
    if not installed(name):
        yield f"the trainer {name} needs {', '.join(TRAINERS[name].needs)}, which this Python does not have"
    yield from _beyond(name, run, quantization)


def _beyond(name: str, run: Run, quantization: object) -> Iterator[str]:
    trainer, config = TRAINERS[name], run.one(AdapterConfig)
    if quantization is not None and not trainer.quantises:
        yield f"{trainer.says} is rerun on a plain base only"
    if is_full(run) and not trainer.full:
        yield f"{trainer.says} is rerun with an adapter only, and this is a full fine-tune"
    if trainer.needs and config is not None and "lm_head" in (config.target_modules or ()):
        yield f"{config.path} names lm_head in target_modules, which {trainer.says} refuses"
