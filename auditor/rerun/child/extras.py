"""What most recipes leave alone: handed to the Trainer and to PEFT where a recipe sets it, by the release's names."""

from collections.abc import Container, Sequence

from .job import JobError, Settings

ARGUMENT_EXTRAS = (
    *("train_sampling_strategy", "label_smoothing_factor", "neftune_noise_alpha", "dataloader_drop_last"),
    "lr_scheduler_kwargs",
)
"""Fields of TrainingArguments (transformers 5.23.0, training_args.py)."""
LORA_EXTRAS = (
    *("rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern", "exclude_modules"),
    "fan_in_fan_out",
)
"""Fields of LoraConfig (peft 0.21.2, tuners/lora/config.py)."""
BY_LENGTH, SEQUENTIAL = "group_by_length", "sequential"


def arguments(settings: Settings, known: Container[str]) -> dict[str, object]:
    """Returns the Trainer's arguments that a recipe sets, by the names in ``known``; raises JobError for another.

    Before transformers 5 sampling by length was an argument of its own, ``group_by_length``. File order, which
    was no argument of any, is not among them: `order.ordered` sees to it.
    """
    found = set_ones(settings, ARGUMENT_EXTRAS)
    if found.get("train_sampling_strategy") == SEQUENTIAL:
        del found["train_sampling_strategy"]
    if found.get("train_sampling_strategy") == BY_LENGTH and BY_LENGTH in known:
        found[BY_LENGTH] = bool(found.pop("train_sampling_strategy"))
    return require(found, known, "transformers")


def adapter(settings: Settings, known: Container[str]) -> dict[str, object]:
    """Returns the settings of an adapter that a recipe sets; raises JobError for one that this release lacks."""
    return require(set_ones(settings, LORA_EXTRAS), known, "peft")


def set_ones(settings: Settings, keys: Sequence[str]) -> dict[str, object]:
    """Returns those of the settings that are not what every recipe has."""
    usual = Settings().only(keys)
    return {key: value for key, value in settings.only(keys).items() if value != usual[key]}


def require(found: dict[str, object], known: Container[str], library: str) -> dict[str, object]:
    """Returns ``found``; raises JobError where it holds a key that is not ``known``."""
    for key, value in found.items():
        if key not in known:
            raise JobError(f"settings.{key}: the {library} that trains here has no {key} = {value!r}")
    return found
