"""torchtune's components: what each takes by keyword, and which vocabulary a configuration has by the ones it names.

Source: words/torchtune.json, written by fixtures/torchtune_components.py. torchtune 0.6.1, config/_instantiate.py: the
members of an object with ``_component_`` are handed over as keywords, so that an unknown one is a TypeError.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

COMPONENT = "_component_"
REST = "**"
"""In a signature: the component hands unknown keywords on."""
KNOWN = "torchtune 0.1.1 to 0.6.1, torch and bitsandbytes"
_FILES = "checkpoint_files"
"""A list, or an object of two keys (torchtune 0.6.1, training/checkpointing/_utils.py, FormattedCheckpointFiles)."""
_REFERENCE = re.compile(r"\$\{\s*([\w.]{1,200})\s*\}")
_DEEPEST = 12
_LONGEST_CHAIN = 5


@dataclass(slots=True)
class Components:
    """The objects of a configuration that are built from components: their places, and the types of their members.

    ``unknown``: places of components that are not known, whose members are anybody's. ``loose``: of those that hand
    unknown members on. ``reasons``: sentences on what is not checked.
    """

    types: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)


@cache
def _words() -> Mapping[str, object]:
    text = (Path(__file__).parent / "words" / "torchtune.json").read_text(encoding="utf-8")
    found: Mapping[str, object] = json.loads(text)
    return found


def recipe_keys() -> Mapping[str, str]:
    """The outermost keys of the releases' recipes."""
    keys = _words()["keys"]
    return keys if isinstance(keys, dict) else {}


def signature(component: str) -> Mapping[str, str] | None:
    """A component's keywords with their JSON types, ``**`` among them where it hands others on; None if unknown."""
    known, signatures = _words()["components"], _words()["signatures"]
    number = known.get(component) if isinstance(known, dict) else None
    if number is None or not isinstance(signatures, list):
        return None
    found: Mapping[str, str] = signatures[number]
    return found


def components(raw: Mapping[str, object]) -> Components:
    """All components of a configuration, those inside of others and in lists too."""
    found = Components()
    for place, group in _objects(raw, "", _DEEPEST):
        name = group[COMPONENT]
        found.groups.add(place)
        found.types[f"{place}/{COMPONENT}"] = "string"
        taken = signature(name) if isinstance(name, str) else None
        if taken is None:
            found.unknown.add(place)
            found.reasons.append(
                f"`{place.replace('/', '.')}` is built from {str(name)[:100]}, which is no component known here "
                f"({KNOWN}): its keys and types are not checked"
            )
            continue
        found.types.update({f"{place}/{key}": types for key, types in taken.items() if key != REST})
        if isinstance(group.get(_FILES), dict):
            found.groups.add(f"{place}/{_FILES}")
            found.types.update(
                {f"{place}/{_FILES}/{key}": "any" for key in ("filename_format", "max_filename")}
            )
        if REST in taken:
            found.loose.add(place)
            handed = _words()["handed_on"]
            for key in handed if isinstance(handed, list) else []:
                found.types.setdefault(f"{place}/{key}", "any")
    return found


def _objects(value: object, place: str, depth: int) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Objects with a component, with their places; an object without one is entered by nobody but the outermost."""
    if depth == 0:
        return
    if isinstance(value, dict):
        if place and COMPONENT not in value:
            return
        if place:
            yield place, value
        inner = [(str(key).replace("/", "~1"), item) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(str(number), item) for number, item in enumerate(value)]
    else:
        return
    for key, item in inner:
        yield from _objects(item, f"{place}/{key}" if place else key, depth - 1)


def resolved(raw: Mapping[str, object]) -> tuple[Mapping[str, object], frozenset[str]]:
    """The configuration with ``${model.lora_rank}`` replaced by what stands there, and the outermost keys referred to.

    OmegaConf's interpolation; only a text that is one reference as a whole, to a plain value, is replaced.
    """
    named: set[str] = set()
    return {key: _filled(value, raw, named, _DEEPEST) for key, value in raw.items()}, frozenset(named)


def _filled(value: object, raw: Mapping[str, object], named: set[str], depth: int) -> object:
    if isinstance(value, str):
        named.update(path.partition(".")[0] for path in _REFERENCE.findall(value))
        return _followed(value, raw, _LONGEST_CHAIN)
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {key: _filled(item, raw, named, depth - 1) for key, item in value.items()}
    return [_filled(item, raw, named, depth - 1) for item in value] if isinstance(value, list) else value


def _followed(value: str, raw: Mapping[str, object], chain: int) -> object:
    whole = _REFERENCE.fullmatch(value)
    target: object = raw
    for part in whole[1].split(".") if whole else ():
        target = target.get(part) if isinstance(target, dict) else None
    if whole is None or target is None or isinstance(target, dict | list):
        return value
    return _followed(target, raw, chain - 1) if isinstance(target, str) and chain else target
