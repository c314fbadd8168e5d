"""A platform's vocabulary as data, and the one way from a parsed configuration and a vocabulary to a Recipe."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from auditor.artifacts._fields import member
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._near import ELSEWHERE, near
from auditor.recipes._types import fits, number_in

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
STRANGERS = 8
"""One unknown key in so many is still a platform's own file."""
_NOBODY = Stated(None, "", "")


def no_trainer(raw: Mapping[str, object]) -> str | None:
    """For a platform whose configuration names no trainer."""
    return None


def nothing_more(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    """For a platform whose keys each stand for themselves."""
    return iter(())


def never(where: str, value: object, trainer: str | None) -> bool:
    """For a platform without keys that the trainer ignores."""
    return False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a platform calls things.

    ``meaning``: place -> canonical name; ``types``: place -> JSON types joined by "|", of every known key. ``groups``
    are objects whose members are keys of the vocabulary (every other object is a value), ``open_groups`` those of them
    that take keys of anybody's. ``kept``: known keys without a canonical name that rules read under their own.
    ``same``: canonical names of one meaning, the first kept. ``senses`` by place translate values; ``derived`` yields
    settings that other keys make. ``free_text``: places whose value is a name, so that no string is suspicious there.
    ``lenient``: places whose type is not judged. ``converts``: the platform turns strings into numbers and booleans.
    ``documented`` and ``decides`` are those of `Recipe`.
    """

    platform: str
    meaning: Mapping[str, str]
    types: Callable[[], Mapping[str, str]]
    groups: frozenset[str] = frozenset()
    open_groups: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    inverse: frozenset[str] = frozenset()
    same: tuple[tuple[str, str], ...] = ()
    senses: Mapping[str, Sense] = field(default_factory=dict)
    derived: Callable[[Leaves], Iterator[tuple[str, Stated]]] = nothing_more
    trainer: Callable[[Mapping[str, object]], str | None] = no_trainer
    inert: Callable[[str, object, str | None], bool] = never
    free_text: frozenset[str] = frozenset()
    lenient: frozenset[str] = frozenset()
    documented: bool = True
    converts: bool = False
    decides: frozenset[str] = frozenset()


@cache
def words(*names: str) -> Mapping[str, str]:
    """The keys of the named files in ``words/`` with their types, united over them (fixtures/platform_words.py)."""
    found: dict[str, set[str]] = {}
    for name in names:
        text = (Path(__file__).parent / "words" / f"{name}.json").read_text(encoding="utf-8")
        for key, types in json.loads(text)["keys"].items():
            found.setdefault(key, set()).update(types.split("|"))
    return {key: "any" if "any" in types else "|".join(sorted(types)) for key, types in found.items()}


def compose(book: Vocabulary, path: str, raw: Mapping[str, object], *, record: bool) -> Recipe:
    """Say a parsed configuration in the trainer's language."""
    leaves = dict(_leaves(raw, book))
    settings, duplicates = _settled(leaves, book, raw)
    for name, stated in book.derived(leaves):
        settings.setdefault(name, stated)
    trainer = book.trainer(raw)
    unknown = tuple(_unknown(leaves, book))
    # A file of many strangers is another program's or a newer release's: its spelling and types are not judged.
    foreign = book.documented and len(unknown) > max(2, len(leaves) // STRANGERS)
    judged: Leaves = {} if foreign else leaves
    return Recipe(
        path=path,
        platform=book.platform,
        settings=settings,
        unknown=unknown,
        raw=raw,
        trainer=trainer,
        duplicates=tuple(duplicates),
        suspicious=tuple(
            stated for where, stated in judged.items() if _is_suspicious(where, stated.value, book)
        ),
        inert=tuple(stated for where, stated in leaves.items() if book.inert(where, stated.value, trainer)),
        record=record,
        documented=book.documented,
        decides=book.decides,
        misspelt=tuple(_misspelt(() if foreign else unknown, leaves, book)),
        mistyped=tuple(_mistyped(judged, book, path.lower().endswith((".yaml", ".yml")))),
        converts=book.converts,
    )


def _leaves(
    raw: Mapping[str, object], book: Vocabulary, where: str = "", pointer: str = ""
) -> Iterator[tuple[str, Stated]]:
    """Every key with its place; objects are entered only where the vocabulary has a group."""
    for key, value in raw.items():
        # A slash inside a key must not look like a group.
        part, at = key.replace("/", "~1"), member(key, pointer)
        place = f"{where}/{part}" if where else part
        if place in book.groups and isinstance(value, dict):
            yield from _leaves(value, book, place, at)
        else:
            yield place, Stated(value, at, key, inverse=place in book.inverse)


def _settled(
    leaves: Leaves, book: Vocabulary, raw: Mapping[str, object]
) -> tuple[dict[str, Stated], list[tuple[str, Stated, Stated]]]:
    """Settings by canonical name, and the pairs of keys that mean one thing."""
    settings: dict[str, Stated] = {}
    duplicates: list[tuple[str, Stated, Stated]] = []
    for where, found in leaves.items():
        stated = _in_our_words(where, found, book, raw)
        name = book.meaning.get(where)
        if stated is None:
            continue
        if name is None:
            if where in book.kept:
                settings.setdefault(stated.key, stated)
        elif name in settings:
            kept, other = _nearer(name, settings[name], stated)
            settings[name] = kept
            duplicates.append((name, kept, other))
        else:
            settings[name] = stated
    if not settings.get("base_model", _NOBODY).value and "base_repository" in settings:
        settings["base_model"] = settings["base_repository"]
    duplicates.extend(
        (first, settings[first], settings[second])
        for first, second in book.same
        if first in settings and second in settings
    )
    return settings, duplicates


def _in_our_words(where: str, stated: Stated, book: Vocabulary, raw: Mapping[str, object]) -> Stated | None:
    """The statement with its meaning; None where the platform takes the value for "not declared"."""
    sense = book.senses.get(where)
    if stated.value is None and book.documented:
        return None
    if sense is None:
        number = number_in(stated.value, book.types().get(where, "any")) if book.documented else None
        return (
            stated
            if number is None
            else Stated(stated.value, stated.member, stated.key, translated=(number,))
        )
    meant = sense(stated.value, raw)
    if not meant:
        return None
    if meant[0] is stated.value and not stated.inverse:
        return stated
    return Stated(stated.value, stated.member, stated.key, translated=meant)


def _nearer(name: str, one: Stated, other: Stated) -> tuple[Stated, Stated]:
    """The pair, first the one spelled like the canonical name or else the one that says it directly."""
    if other.key == name or (one.inverse and not other.inverse):
        return other, one
    return one, other


def _unknown(leaves: Leaves, book: Vocabulary) -> Iterator[Stated]:
    known = book.types()
    for where, stated in leaves.items():
        if where not in known and where not in book.meaning and where not in book.kept:
            yield Stated(stated.value, stated.member, where.replace("/", ".").replace("~1", "/"))


def _misspelt(unknown: Iterable[Stated], leaves: Leaves, book: Vocabulary) -> Iterator[tuple[Stated, str]]:
    """Unknown keys that resemble a known key of their group, or that another platform has for the same thing.

    Where the key in question stands there as well, the unknown one is taken for a newer release's.
    """
    places = sorted({*book.types(), *book.meaning, *book.kept})
    for stated in unknown:
        group, _, key = stated.key.rpartition(".")
        prefix = f"{group.replace('.', '/')}/" if group else ""
        inside = {
            place.removeprefix(prefix): place for place in places if place.rpartition("/")[0] == prefix[:-1]
        }
        likely = None if group in book.open_groups else near(key, inside) or _elsewhere(key, inside, book)
        if likely is not None and not (book.documented and inside[likely] in leaves):
            yield stated, likely


def _elsewhere(key: str, inside: Mapping[str, str], book: Vocabulary) -> str | None:
    canonical = ELSEWHERE.get(key)
    if canonical is None:
        return None
    return next((name for name, place in inside.items() if book.meaning.get(place) == canonical), None)


def _mistyped(leaves: Leaves, book: Vocabulary, yaml: bool) -> Iterator[tuple[Stated, str]]:
    """Values of another type than their key takes; in YAML a text may spell a number (2e-4 is a text to PyYAML)."""
    types = book.types()
    for where, stated in leaves.items():
        wanted = types.get(where, "any")
        if where in book.lenient or fits(stated.value, wanted) or _is_suspicious(where, stated.value, book):
            continue
        if not (yaml and number_in(stated.value, wanted) is not None):
            yield stated, wanted


_LOOKS_LIKE_OTHER = frozenset({"None", "null", "Null", "NULL", "true", "false", "True", "False", ""})
"""Strings that stand for null or a boolean in another language; lower-case "none" is a value of `bias`."""
_BOOLEAN = frozenset({"true", "false"})


def _is_suspicious(where: str, value: object, book: Vocabulary) -> bool:
    """A platform of public source that turns "false" into false is not suspected of the contrary."""
    if not isinstance(value, str) or value not in _LOOKS_LIKE_OTHER or where in book.free_text:
        return False
    if not book.documented:
        return True
    wanted = book.types().get(where, "any").split("|")
    if value.lower() in _BOOLEAN:
        return not book.converts and "boolean" in wanted and "string" not in wanted
    return value != "" and "any" not in wanted
