"""Holding declared settings against what a file says the trainer received."""

import re
from collections.abc import Iterator, Mapping

from auditor.claims import precision_of, same_value
from auditor.evidence._say import LIMIT, contradicted, real, unverifiable, verified
from auditor.model import Evidence
from auditor.recipes._base import Stated
from auditor.runs import Run

ARGUMENTS = (
    *("learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size"),
    *("per_device_eval_batch_size", "gradient_accumulation_steps", "gradient_checkpointing"),
    *("lr_scheduler_type", "warmup_ratio", "warmup_steps", "weight_decay", "max_grad_norm", "optim"),
    *("adam_beta1", "adam_beta2", "adam_epsilon", "seed", "data_seed", "auto_find_batch_size"),
    *("logging_steps", "logging_strategy", "save_steps", "save_strategy", "save_total_limit"),
    *("eval_strategy", "eval_steps", "packing", "max_length"),
)
"""Canonical keys whose meaning is that of the TrainingArguments (or trl SFTConfig) field of the same name."""
_UNSAID = ("", "none", "null")
_RATIOS = ("logging_steps", "save_steps", "eval_steps")


def declared(run: Run, keys: tuple[str, ...]) -> Iterator[tuple[str, Stated]]:
    """The declared settings among these keys that say something (not null, not the string "None")."""
    for key in keys:
        stated = run.recipe.settings.get(key) if run.recipe else None
        if stated is None or stated.meant is None:
            continue
        if key != "bias" and isinstance(stated.meant, str) and stated.meant.strip().lower() in _UNSAID:
            continue
        yield key, stated


def against_arguments(run: Run, values: Mapping[str, object], path: str) -> Iterator[Evidence]:
    """One outcome for every declared setting that training arguments speak of."""
    recipe = run.recipe
    if recipe is None or not values:
        return
    for key, stated in declared(run, ARGUMENTS):
        if values.get(key) is not None:
            yield _outcome(key, stated, values[key], _open(key, stated.meant, values), path, recipe.path)
    precision = precision_of(values)
    for key, stated in declared(run, ("mixed_precision",)):
        if precision is not None:
            yield _outcome(key, stated, precision, None, path, recipe.path)


def same(key: str, one: object, other: object) -> bool:
    """`same_value`, with numbers that stand in quotes on one side."""
    left, right = plain(one), plain(other)
    if isinstance(left, float) and isinstance(right, float):
        return same_value(key, left, right)
    if any(isinstance(value, int) and abs(value) >= LIMIT for value in (one, other)):
        return one == other
    return same_value(key, one, other)


def plain(value: object) -> object:
    """A number, or a string that spells one, as a float; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(
        r"[-+]?\d{1,30}(\.\d{0,30})?([eE][-+]?\d{1,3})?", value.strip()
    ):
        return float(value)
    number = real(value)
    return value if number is None else number


def _outcome(
    key: str, stated: Stated, found: object, open_because: str | None, path: str, recipe: str
) -> Evidence:
    name = file_word(path)
    if same(key, stated.meant, found):
        return verified(key, f"{name} says the same: {show(found)}", "", found, path, recipe)
    says = f"{stated.key} is declared as {show(stated.value)}, and {name} says {show(found)}"
    if open_because is not None:
        return unverifiable(key, f"{says}; {open_because}", path, recipe)
    return contradicted(key, says, "", found, path, recipe)


def _open(key: str, value: object, values: Mapping[str, object]) -> str | None:
    """Why a difference does not contradict this setting; None when it does."""
    number = real(plain(value))
    if key == "gradient_checkpointing" and values.get(key) is False:
        return "it may have been turned on outside the training arguments"
    if key in _RATIOS and number is not None and number < 1:
        return "platforms give a value below one a meaning of their own"
    if key == "max_steps" and number is not None and number <= 0:
        return "nothing was asked for"
    if key == "warmup_ratio" and real(values.get("warmup_steps")):
        return "warmup_steps outweighs the ratio"
    if key == "warmup_steps" and not number and real(values.get("warmup_ratio")):
        return "warmup_ratio stands in for zero steps"
    return None


def file_word(path: str) -> str:
    """A file's name in a sentence; event files carry the name of a machine, which says nothing here."""
    name = path.rpartition("/")[2]
    return "the event file" if name.startswith("events.out.tfevents.") else name


def show(value: object) -> str:
    """A value in a sentence, cut at 80 characters; sets in order."""
    if isinstance(value, frozenset | set | list | tuple):
        text = "[" + ", ".join(sorted(str(item) for item in value)) + "]"
    elif value is None:
        text = "null"
    else:
        text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
