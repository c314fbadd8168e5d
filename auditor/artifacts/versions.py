"""Which releases of PEFT and Transformers can have written a file, by the keys it holds.

The tables are read from released packages (``fixtures/versions/build.py`` makes them). A development build
already holds some keys of the release it leads to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from auditor.artifacts._release_tables import Dated, KeyTable, load, table
from auditor.model import VersionRange, version_key

ARGUMENTS_CLASSES = {
    "transformers.training_args.TrainingArguments": ("TrainingArguments",),
    "transformers.training_args_seq2seq.Seq2SeqTrainingArguments": (
        "TrainingArguments",
        "Seq2SeqTrainingArguments",
    ),
}
"""Qualified names of the classes whose fields the table knows. Subclasses (TRL, unsloth, axolotl, ms-swift) may
bring back what Transformers dropped, so their fields bound nothing firmly."""
_STATE_KEYS = frozenset(
    {
        *("best_metric", "best_model_checkpoint", "epoch", "global_step", "is_hyper_param_search"),
        *("is_local_process_zero", "is_world_process_zero", "log_history", "max_steps", "num_train_epochs"),
        *("total_flos", "trial_name", "trial_params"),
    }
)
"""What TrainerState has held since it exists (transformers 4.30.0 and older, trainer_callback.py)."""
_FEWEST_STATE_KEYS = 10
"""A trainer_state.json with fewer of them is another program's file."""


@lru_cache
def peft_methods() -> frozenset[str]:
    """Every ``peft_type`` that some release read writes."""
    return frozenset(load("peft")["classes"])


def adapter_keys(method: str | None) -> KeyTable | None:
    """The keys of adapter_config.json for a ``peft_type``; None for one that no release has."""
    return table("peft", method) if method in peft_methods() else None


def state_keys() -> KeyTable:
    """The keys of trainer_state.json."""
    return table("transformers", "TrainerState")


@lru_cache
def argument_keys(class_name: str) -> KeyTable:
    """The public fields of a class of training arguments: ``_n_gpu`` is none that an event file shows."""
    known = table("transformers", *ARGUMENTS_CLASSES[class_name])
    return replace(known, written={key: mask for key, mask in known.written.items() if key[0] != "_"})


def argument_attributes() -> frozenset[str]:
    """What TrainingArguments holds besides its fields (``distributed_state``, caches)."""
    return frozenset(load("transformers")["attributes"])


def peft_range(keys: Iterable[str], method: str | None = "LORA") -> Dated | None:
    """The PEFT releases that can have written an adapter_config.json with these keys."""
    known = adapter_keys(method)
    return known.date(keys) if known else None


def is_trainer_state(keys: Iterable[str]) -> bool:
    """Whether a trainer_state.json is one of Transformers' Trainer."""
    return len(_STATE_KEYS.intersection(keys)) >= _FEWEST_STATE_KEYS


def transformers_range_from_state(keys: Iterable[str]) -> Dated | None:
    """The Transformers releases whose Trainer can have written a trainer_state.json with these keys."""
    held = frozenset(keys)
    return state_keys().date(held) if is_trainer_state(held) else None


def arguments_class(keys: Iterable[str], class_name: str | None = None) -> str:
    """The class of training arguments to compare keys with: the one named, if known, else by its own fields."""
    if class_name in ARGUMENTS_CLASSES:
        return str(class_name)
    plain, seq2seq = ARGUMENTS_CLASSES
    return seq2seq if "predict_with_generate" in frozenset(keys) else plain


def foreign_arguments(keys: Iterable[str], class_name: str | None = None) -> frozenset[str]:
    """Keys that no release of Transformers has, which show a subclass or attributes that somebody added."""
    held = frozenset(key for key in keys if key[:1] != "_")
    return held - argument_keys(arguments_class(held, class_name)).written.keys() - argument_attributes()


def transformers_range_from_arguments(keys: Iterable[str], class_name: str | None = None) -> Dated | None:
    """The Transformers releases that can have made training arguments with these fields.

    ``class_name`` is the qualified name of the pickled class; None for the text in an event file, which names none.
    Keys that no release has are left out: subclasses add their own fields.
    """
    held = frozenset(keys)
    known = argument_keys(arguments_class(held, class_name))
    return known.date(held & known.written.keys(), "has")


def transformers_min_for_class(name: str) -> str | None:
    """The first Transformers release whose auto classes know a model class.

    None when the oldest release read already knows it, or none does.
    """
    models = load("transformers")["models"]
    found = models.get(name)
    return found if isinstance(found, str) else None


def stated_range(version: str, library: str = "peft") -> VersionRange:
    """The releases that a stated version stands for: itself, or for a development build the two it lies between.

    PEFT's main branch is called ``0.18.1.dev0`` from 0.18.0 until 0.19.0, whatever patches come out meanwhile.
    """
    version = version.partition("@")[0]
    if "dev" not in version:
        return VersionRange(version, version)
    key = version_key(version)
    minor = key[:2] if key[2] else (*key[:1], key[1] - 1)
    releases = [(version_key(release)[:2], str(release)) for release in load(library)["read"]]
    older = [release for number, release in releases if number == minor]
    newer = [release for number, release in releases if number > minor]
    return VersionRange(older[0] if older else None, newer[0] if newer else None)


def is_older(stated: str, written: VersionRange) -> bool:
    """Whether a stated release of PEFT is older than every release in a range."""
    newest = stated_range(stated).high
    return newest is not None and written.low is not None and version_key(newest) < version_key(written.low)


@dataclass(frozen=True, slots=True)
class Renaming:
    """Modules of a model class that a release of Transformers renamed.

    ``first`` is the oldest release with the new names, ``last`` the newest one read with the old names.
    """

    first: str
    last: str
    patterns: tuple[tuple[str, str], ...]

    def is_old(self, module: str) -> bool:
        """Whether a module, named without PEFT's prefix, has its old name."""
        return any(re.match(old, module) for old, _ in self.patterns)

    def is_new(self, module: str) -> bool:
        """Whether a module has a name that only the newer releases have."""
        return any(
            module.startswith(new + ".") for old, new in self.patterns if "." in new
        ) and not self.is_old(module)


def renaming(model_class: str | None) -> Renaming | None:
    """What was renamed inside a model class; None when nothing was, or the class came with its present names.

    Source: ``_checkpoint_conversion_mapping`` of the class in the first release that has one.
    """
    found = load("transformers")["renamed"].get(model_class or "")
    if found is None or transformers_min_for_class(str(model_class)) == found[0]:
        return None
    releases = [str(release) for release in load("transformers")["read"]]
    older = releases[: releases.index(found[0])]
    return Renaming(found[0], older[-1], tuple(found[1].items())) if older else None
