"""Which checkpoints of one folder are states of one run, and what parts those that are not."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState, hash_of
from auditor.artifacts.training_args import TrainingArgs
from auditor.runs._words import Folder

Lineage = tuple[Folder, ...]
SHARED = 0.75
"""Share of an earlier state's rows that a later one of the same run holds, when rows of either were changed."""
_FEW = 256
"""Rows tried first, taken by their hashes: of states that share three quarters, half of these at the very least."""
_KINDS = ("grpo", "dpo", "kto", "orpo", "cpo", "ppo", "rloo", "reward", "prm", "gkd", "bco", "sft")
"""Trainers by the first syllable of their arguments' class (trl 1.0, trainer/*_config.py), after unsloth or axolotl."""
_LOGGED = {"reward": "GRPO", "log_odds_ratio": "ORPO", "odds_ratio_loss": "ORPO", "kl": "KTO"}
"""What other trainers log beside ``rewards/...`` (trl 0.12.2 and 1.16.0, trainer/*.py; LLaMA-Factory 0.9,
train/dpo/trainer.py), the first that is there."""
RECIPE = (
    *(
        "learning_rate",
        "num_train_epochs",
        "max_steps",
        "per_device_train_batch_size",
        "lr_scheduler_type",
        "optim",
    ),
    *("gradient_accumulation_steps", "warmup_steps", "warmup_ratio", "weight_decay", "seed", "fp16", "bf16"),
)
"""Arguments that make a training another one; what is logged and saved when does not."""
MOST_RUNS = 64
"""Runs that a checkpoint is compared with at most, the latest begun: time would grow with the square of them."""
ALIKE = 2
"""Different losses that two logs share to the last digit only where one continues the other."""
FIRST = 3
"""Rows of log_history whose keys are looked at."""


def lineages(checkpoints: Sequence[Folder]) -> list[Lineage]:
    """Checkpoints, given by step, as runs: each continues the last of its own. The furthest run comes first."""
    found: list[list[Folder]] = []
    begun: dict[int, list[list[Folder]]] = {}  # runs by their first logged rows
    silent: list[list[Folder]] = []  # runs that have logged nothing yet
    for folder in checkpoints:
        starts = _starts(folder)
        # The second row stands in where the first was edited.
        known = [
            run for at, row in enumerate(starts) for run in begun.get(row, [])[-1 if at else -MOST_RUNS :]
        ]
        candidates = (*known, *silent[-MOST_RUNS:]) if starts else found[-MOST_RUNS:]
        home = next((lineage for lineage in candidates if continues(lineage[-1], folder)), None)
        if home is None:
            home = []
            found.append(home)
            silent.append(home)
        if starts and any(home is lineage for lineage in silent):
            silent = [lineage for lineage in silent if lineage is not home]
            for start in starts:
                begun.setdefault(start, []).append(home)
        home.append(folder)
    found.sort(key=lambda lineage: lineage[-1].step or 0, reverse=True)
    return [tuple(lineage) for lineage in found]


def _starts(folder: Folder) -> tuple[int, ...]:
    """The first two rows of a log: one of them may have been edited."""
    state = folder.one(TrainerState)
    return tuple(dict.fromkeys(map(hash_of, state.log_history[:2]))) if state is not None else ()


def continues(earlier: Folder, later: Folder) -> bool:
    """Whether a checkpoint can be a later state of the same run."""
    return next(differences(earlier, later), None) is None


def differences(earlier: Folder, later: Folder) -> Iterator[str]:
    """What keeps ``later`` from being a later state of the run of ``earlier``, in words; nothing when it can be one.

    What a folder does not hold separates nothing.
    """
    one, two = earlier.one(AdapterConfig), later.one(AdapterConfig)
    before, after = earlier.one(TrainerState), later.one(TrainerState)
    if one is not None and two is not None and not _proves_one_run(before, after):
        if _base_word(one) != _base_word(two):
            yield f"base {one.base_model_name_or_path or 'unnamed'} and {two.base_model_name_or_path or 'unnamed'}"
        if (one.peft_type, one.r) != (two.peft_type, two.r):
            yield f"{one.peft_type} of rank {one.r} and {two.peft_type} of rank {two.r}"
    kinds = trainer_of(earlier), trainer_of(later)
    if None not in kinds and kinds[0] != kinds[1]:
        yield f"trained by {kinds[0]} and {kinds[1]}"
    if before is not None and after is not None:
        yield from _histories(before, after)


def _proves_one_run(before: TrainerState | None, after: TrainerState | None) -> bool:
    """Whether the later log begins with the earlier one: another adapter in its config is then an edit, no other run.

    No two runs log alike to the last digit, but where every loss is 0 or NaN.
    """
    if before is None or after is None or not after.begins_with(before):
        return False
    losses = {value for _, value in before.logged("loss") if value and math.isfinite(value)}
    return len(losses) >= ALIKE


def _histories(before: TrainerState, after: TrainerState) -> Iterator[str]:
    rows = len(before.log_history)
    if not after.begins_with(before):
        if _shares_most(before, after):
            return
        yield "log_history does not continue"
        if before.max_steps != after.max_steps:
            yield f"max_steps {before.max_steps} and {after.max_steps}"
    elif not rows and before.max_steps != after.max_steps:
        yield f"max_steps {before.max_steps} and {after.max_steps}"
    elif len(after.log_history) > rows and _precedes(after.log_history[rows].get("step"), before.global_step):
        # What was logged before the checkpoint was saved would be in its state too.
        yield "log_history has rows that the earlier state should hold"


def _shares_most(before: TrainerState, after: TrainerState) -> bool:
    """Whether most rows are the same to the last digit: no two runs log alike, so a few rows were edited."""
    mine, theirs = before.row_hashes(), after.row_hashes()
    few = list(islice(mine, _FEW))
    if sum(map(theirs.__contains__, few)) < len(few) / 2:
        return False
    same = len(mine & theirs)
    return same >= 2 and same >= SHARED * len(mine)


def _precedes(step: object, saved: int | None) -> bool:
    return isinstance(step, int | float) and saved is not None and step < saved


def trainer_of(folder: Folder) -> str | None:
    """The kind of trainer (``SFT``, ``GRPO``, ...); None when nothing tells it from a plain one.

    The class of the arguments names it; releases of TRL before 0.9 gave plain arguments to DPO too, whose log keys
    (``rewards/chosen``) are then the only trace. Other trainers of preferences log more beside them.
    """
    arguments = folder.one(TrainingArgs)
    name = arguments.class_name.rpartition(".")[2].lower() if arguments else ""
    name = name.removeprefix("unsloth").removeprefix("axolotl")
    named = next((kind.upper() for kind in _KINDS if name.startswith(kind)), None)
    state = folder.one(TrainerState)
    rows = state.log_history[:FIRST] if state is not None and named is None else ()
    keys = {key for row in rows for key in row}
    if not any(key.startswith("rewards/") for key in keys):
        return named
    return next((kind for key, kind in _LOGGED.items() if key in keys), "DPO")


def same_adapter(one: Folder, other: Folder) -> bool:
    """Whether the configurations of two folders may be of one run; one without a configuration excludes nothing."""
    mine, theirs = one.one(AdapterConfig), other.one(AdapterConfig)
    if mine is None or theirs is None:
        return True
    return (mine.peft_type, mine.r, _base_word(mine)) == (theirs.peft_type, theirs.r, _base_word(theirs))


def argument_differences(one: Folder, other: Folder) -> tuple[str, ...]:
    """Arguments that make a training and that two folders' copies of training_args.bin give different values."""
    mine, theirs = one.one(TrainingArgs), other.one(TrainingArgs)
    if mine is None or theirs is None:
        return ()
    return tuple(key for key in RECIPE if repr(mine.get(key)) != repr(theirs.get(key)))


def _base_word(config: AdapterConfig) -> str | None:
    """The last part of the base's name: a run may name the hub id in one folder and its local copy in another."""
    name = config.base_model_name_or_path
    return None if name is None else name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
