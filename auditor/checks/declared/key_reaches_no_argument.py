"""Declared keys that are not spelled as the trainer's arguments, and nothing shows that they took effect.

TrainingArguments has no `gradient_accumulation`, `optimizer` or `scheduler`: handed over as they are they
raise a TypeError, filtered by name they are dropped and the trainer's default runs instead (transformers
4.51.3, training_args.py: `gradient_accumulation_steps` 1, `optim`, `lr_scheduler_type`). A key is listed only
when neither the training arguments nor another file of the run shows its value.

Wrong when: the platform translates its keys before it builds the arguments and publishes no file that shows
them; the finding then says what remains to be proven. Platforms whose source is public (AutoTrain,
LLaMA-Factory, axolotl, ...) are read by that source and never judged here.

Fix: spell the keys as TrainingArguments does, or publish training_args.bin or the event file of the run.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/favourite_colour = "blue"

Good:
    # no word of the platform, but training_args.bin shows that it arrived
    cheetah-fine-tuning-config.json: /train_model_parameters/log_level = "passive"
"""

from collections.abc import Iterator, Mapping

from auditor.checks._received import arguments
from auditor.checks._wording import counted, joined, shown
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe, Stated
from auditor.runs import Run

SEVERITY = Severity.WARNING

_TRAINER_NAME: Mapping[str, str] = {
    "eval_strategy": "eval_strategy",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "learning_rate": "learning_rate",
    "lr_scheduler_type": "lr_scheduler_type",
    "mixed_precision": "fp16 or bf16",
    "num_train_epochs": "num_train_epochs",
    "optim": "optim",
    "per_device_train_batch_size": "per_device_train_batch_size",
    "report_to": "report_to",
}
"""Canonical setting -> its name in TrainingArguments."""
_NOTHING = ("", "none", "null", "no")


def check(run: Run, recipe: Recipe, ledger: Ledger) -> Iterator[Problem | Skip]:
    """One finding names every such key; a key that is the poorer of a pair is left to the rule about pairs, and one
    that resembles a known key to the rule about slips.
    """
    if recipe.documented:
        yield Skip(f"how {recipe.platform} translates its keys can be read in its source")
        return
    received = arguments(run)
    misspelt = {stated.key for stated, _ in recipe.misspelt}
    near = [
        (stated, _TRAINER_NAME[key])
        for key, stated in recipe.settings.items()
        if stated.key != _TRAINER_NAME.get(key, stated.key)
        and _asks(stated)
        and not _proven(key, stated, ledger, received)
    ]
    unknown = [
        stated
        for stated in recipe.unknown
        if _asks(stated) and received.get(_last(stated)) != stated.value and stated.key not in misspelt
    ]
    if near:
        yield Problem(
            f"{counted(len(near), 'declared key is', 'declared keys are')} not spelled as the trainer's arguments, "
            f"and no file shows that {'it' if len(near) == 1 else 'they'} took effect: "
            f"{joined([stated.key for stated, _ in near])}",
            Location(recipe.path),
            expected=joined([name for _, name in near]),
            evidence=tuple(_line(stated, name, ledger) for stated, name in near),
        )
    if unknown:
        yield _strangers(unknown, recipe)


def _asks(stated: Stated) -> bool:
    value = stated.meant
    return value is not None and not (isinstance(value, str) and value.lower() in _NOTHING)


def _proven(key: str, stated: Stated, ledger: Ledger, received: Mapping[str, object]) -> bool:
    claim = ledger.get(key)
    if claim is not None and claim.status is Status.VERIFIED:
        return True
    targets = received.get("report_to")
    return key == "report_to" and isinstance(targets, list | tuple) and stated.meant in targets


def _line(stated: Stated, name: str, ledger: Ledger) -> str:
    key = next(key for key, value in _TRAINER_NAME.items() if value == name)
    claim = ledger.get(key)
    start = f"{stated.key} {shown(stated.value)}: the trainer's name is {name}"
    if claim is not None and claim.status is Status.CONTRADICTED:
        return f"{start}; {claim.why}"
    return start


def _last(stated: Stated) -> str:
    return stated.key.rpartition(".")[2]


def _strangers(unknown: list[Stated], recipe: Recipe) -> Problem:
    """Keys outside the platform's vocabulary that resemble none of its words."""
    return Problem(
        f"{counted(len(unknown), 'declared key is', 'declared keys are')} not known for this platform, and no file "
        f"shows an effect: "
        f"{joined([stated.key for stated in unknown])}",
        Location(recipe.path),
        evidence=tuple(f"{stated.key} {shown(stated.value)}" for stated in unknown),
        severity=Severity.NOTE,
    )
