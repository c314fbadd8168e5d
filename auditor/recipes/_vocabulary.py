"""A platform's vocabulary as data."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from auditor.recipes._base import Stated

Leaves = Mapping[str, Stated]
"""Every key of a configuration by its place (groups joined by "/")."""
Sense = Callable[[object, Mapping[str, object]], tuple[object, ...]]
"""A value (and the whole configuration) -> the one value that it means to the trainer; empty: it claims nothing."""

TRAINER_NAMES: tuple[str, ...] = (
    *("adam_beta1", "adam_beta2", "adam_epsilon", "auto_find_batch_size", "eval_steps", "eval_strategy"),
    *("gradient_accumulation_steps", "gradient_checkpointing", "label_smoothing_factor", "learning_rate"),
    *(
        "logging_first_step",
        "logging_steps",
        "logging_strategy",
        "lr_scheduler_type",
        "max_grad_norm",
        "max_steps",
    ),
    *("neftune_noise_alpha", "num_train_epochs", "optim", "output_dir", "per_device_eval_batch_size"),
    *("per_device_train_batch_size", "report_to", "save_only_model", "save_steps", "save_strategy"),
    *("save_total_limit", "seed", "warmup_ratio", "warmup_steps", "weight_decay"),
)
"""Fields of TrainingArguments that are claims of the ledger, for platforms that hand them over as they are."""
CHECKPOINTING: Mapping[str, str] = {
    "gradient_checkpointing_kwargs/use_reentrant": "boolean|null",
    "gradient_checkpointing_kwargs/preserve_rng_state": "boolean",
    "gradient_checkpointing_kwargs/determinism_check": "string",
    "gradient_checkpointing_kwargs/debug": "boolean",
    "gradient_checkpointing_kwargs/early_stop": "boolean",
    "gradient_checkpointing_kwargs/context_fn": "any",
}
"""What transformers hands to torch 2.13.0, utils/checkpoint.py, ``checkpoint``, on every platform of the Trainer."""
MAPS = frozenset(
    {"added_tokens_overrides", "column_map", "device_map", "max_memory", "message_property_mappings", "roles"}
)
"""Objects whose keys are names of the user's own, of which none can be wrong."""
ENTRY = "*"
"""In a vocabulary's places it stands for the number of a list's entry (``datasets/*/path``)."""


def no_trainer(raw: Mapping[str, object]) -> str | None:
    """For a platform whose configuration names no trainer."""
    return None


def nothing_more(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    """For a platform whose keys each stand for themselves."""
    return iter(())


def reads_all(raw: Mapping[str, object]) -> Iterator[tuple[str, Iterable[str]]]:
    """For a platform that reads every key in every mode, or of which that is not known."""
    return iter(())


def never(where: str, value: object, trainer: str | None) -> bool:
    """For a platform without keys that the trainer ignores."""
    return False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a platform calls things.

    ``meaning``: place -> canonical name; ``types``: place -> JSON types joined by "|", of every known key. ``groups``
    are objects whose members are keys of the vocabulary (every other object is a value), and lists of them
    (``datasets/*``); ``open_groups`` those of them that take keys of anybody's, and ``loose_groups`` those whose
    unknown keys say nothing of the file as a whole. ``dotted``: groups are spelled with dots within the key
    (``train.seed``). ``unjudged``: sentences on what of this file is not checked.

    ``kept``: known keys without a canonical name that rules read under their own. ``same``: canonical names of one
    meaning, the first kept. ``senses`` by place translate values; ``derived`` yields settings that other keys make.
    ``unread`` yields modes that are declared, with the places that are not read in them.
    ``free_text``: places whose value is a name, so that no string is suspicious there.
    ``lenient``: places whose type is not judged. ``converts``: the platform turns strings into numbers and booleans.
    ``documented`` and ``decides`` are those of `Recipe`.
    """

    platform: str
    meaning: Mapping[str, str]
    types: Callable[[], Mapping[str, str]]
    groups: frozenset[str] = frozenset()
    open_groups: frozenset[str] = frozenset()
    loose_groups: frozenset[str] = frozenset()
    dotted: bool = False
    unjudged: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    inverse: frozenset[str] = frozenset()
    same: tuple[tuple[str, str], ...] = ()
    senses: Mapping[str, Sense] = field(default_factory=dict)
    derived: Callable[[Leaves], Iterator[tuple[str, Stated]]] = nothing_more
    trainer: Callable[[Mapping[str, object]], str | None] = no_trainer
    inert: Callable[[str, object, str | None], bool] = never
    unread: Callable[[Mapping[str, object]], Iterator[tuple[str, Iterable[str]]]] = reads_all
    free_text: frozenset[str] = frozenset()
    lenient: frozenset[str] = frozenset()
    documented: bool = True
    converts: bool = False
    decides: frozenset[str] = frozenset()

    def general(self, where: str) -> str:
        """A place with the numbers of a list's entries replaced by ENTRY."""
        found: list[str] = []
        for part in where.split("/"):
            entry = "/".join([*found, ENTRY])
            found.append(ENTRY if part.isdigit() and entry in self.groups else part)
        return "/".join(found)

    def split(self, where: str) -> tuple[str, str]:
        """Where the group of a place ends and its key begins: (``train.``, ``seed``), (``model/``, ``lora_rank``)."""
        group, dot, key = where.rpartition("." if self.dotted else "/")
        return group + dot, key


@cache
def words(*names: str) -> Mapping[str, str]:
    """The keys of the named files in ``words/`` with their types, united over them (fixtures/platform_words.py)."""
    found: dict[str, set[str]] = {}
    for name in names:
        text = (Path(__file__).parent / "words" / f"{name}.json").read_text(encoding="utf-8")
        for key, types in json.loads(text)["keys"].items():
            found.setdefault(key, set()).update(types.split("|"))
    return {key: "any" if "any" in types else "|".join(sorted(types)) for key, types in found.items()}
