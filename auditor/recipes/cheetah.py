"""Cheetah's fine-tuning configuration, `cheetah-fine-tuning-config.json`."""

from collections.abc import Iterator, Mapping

from auditor.artifacts._base import read_json_object
from auditor.artifacts._fields import member
from auditor.model import Blob
from auditor.recipes import _cheetah_words as words
from auditor.recipes._base import Recipe, Stated

PLATFORM = "cheetah"
FILES: tuple[str, ...] = ("cheetah-fine-tuning-config.json",)
_LOOKS_LIKE_OTHER = frozenset({"None", "null", "Null", "NULL", "true", "false", "True", "False", ""})
"""Strings that stand for null or a boolean in another language; lower-case "none" is a value of `bias`."""


def read(blob: Blob) -> Recipe:
    """Read the file, whatever it leaves out. Raises CannotRead when it is no JSON object."""
    raw = read_json_object(blob)
    leaves = dict(_leaves(raw))
    settings, duplicates = _settled(leaves)
    trainer = raw.get("trainer")
    trainer = trainer if isinstance(trainer, str) else None
    return Recipe(
        path=blob.path,
        platform=PLATFORM,
        settings=settings,
        unknown=tuple(_unknown(leaves)),
        raw=raw,
        trainer=trainer,
        duplicates=tuple(duplicates),
        suspicious=tuple(stated for where, stated in leaves.items() if _is_suspicious(where, stated.value)),
        inert=tuple(stated for where, stated in leaves.items() if _is_inert(where, stated.value, trainer)),
    )


def _leaves(raw: Mapping[str, object], where: str = "", pointer: str = "") -> Iterator[tuple[str, Stated]]:
    """Every key with its place; objects are entered only where the vocabulary has a group."""
    for key, value in raw.items():
        # A slash inside a key must not look like a group.
        part, at = key.replace("/", "~1"), member(key, pointer)
        place = f"{where}/{part}" if where else part
        if place in words.GROUPS and isinstance(value, dict):
            yield from _leaves(value, place, at)
        else:
            yield place, Stated(value, at, key, inverse=place in words.INVERSE)


def _canonical(where: str) -> str | None:
    """The canonical name of a place; None outside the vocabulary."""
    group, _, key = where.rpartition("/")
    if where in words.MEANING:
        return words.MEANING[where]
    if group == "peft" and key in words.LORA_NAMES:
        return key
    if group == "train_model_parameters" and key in words.TRAINER_NAMES:
        return key
    return None


def _settled(leaves: Mapping[str, Stated]) -> tuple[dict[str, Stated], list[tuple[str, Stated, Stated]]]:
    """Settings by canonical name, and the pairs of keys that mean one thing."""
    settings: dict[str, Stated] = {}
    duplicates: list[tuple[str, Stated, Stated]] = []
    for where, stated in leaves.items():
        name = _canonical(where)
        if name is None:
            if where in words.OTHER:
                settings.setdefault(stated.key, stated)
            continue
        if name in settings:
            kept, other = _nearer(name, settings[name], stated)
            settings[name] = kept
            duplicates.append((name, kept, other))
        else:
            settings[name] = stated
    if not settings.get("base_model", Stated(None, "", "")).value and "base_repository" in settings:
        settings["base_model"] = settings["base_repository"]
    duplicates.extend(
        (first, settings[first], settings[second])
        for first, second in words.SAME
        if first in settings and second in settings
    )
    return settings, duplicates


def _nearer(name: str, one: Stated, other: Stated) -> tuple[Stated, Stated]:
    """The pair, first the one spelled like the canonical name or else the one that says it directly."""
    if other.key == name or (one.inverse and not other.inverse):
        return other, one
    return one, other


def _unknown(leaves: Mapping[str, Stated]) -> Iterator[Stated]:
    for where, stated in leaves.items():
        if _canonical(where) is None and where not in words.OTHER:
            yield Stated(stated.value, stated.member, where.replace("/", ".").replace("~1", "/"))


def _is_suspicious(where: str, value: object) -> bool:
    return isinstance(value, str) and value in _LOOKS_LIKE_OTHER and where not in words.FREE_TEXT


def _is_inert(where: str, value: object, trainer: str | None) -> bool:
    if where in words.ALWAYS_INERT:
        return bool(value)
    return where in words.PREFERENCE_ONLY and trainer in words.SUPERVISED
