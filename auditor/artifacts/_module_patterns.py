"""How PEFT matches module names, for lists, regular expressions and pattern keys, safely on hostile input.

Source: peft 0.21.2, tuners/tuners_utils.py `check_target_module_exists` and utils/other.py `get_pattern_key`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from auditor.artifacts._linear_regex import UnsupportedPatternError, compile_linear

MODULE_LIMIT = 1_000
"""Longest module name that is matched against a regular expression, in characters."""
ALL_LINEAR = "all-linear"
_PLAIN = re.compile(r"[\w.\-]*")


def pattern_problem(pattern: str) -> str | None:
    """Why a regular expression is not matched, as a predicate ("uses a look-around ..."); None when it is."""
    if pattern == ALL_LINEAR:
        return "is the word all-linear, which PEFT resolves only with the model at hand"
    try:
        compile_linear(pattern)
    except UnsupportedPatternError as error:
        return str(error)
    return None


@lru_cache(maxsize=65_536)
def matches_pattern(pattern: str, module: str) -> bool | None:
    """`re.fullmatch` in bounded time; None when the pattern or the name is refused.

    Kept: a dozen rules ask the same of every module, and a pattern that backtracking would do in no time is slow here.
    """
    if len(module) > MODULE_LIMIT or pattern_problem(pattern) is not None:
        return None
    return compile_linear(pattern).fullmatch(module)


def listed(names: frozenset[str], module: str) -> bool:
    """Whether the module's name equals an entry or ends with a dot and an entry."""
    if module in names:
        return True
    dot = module.find(".")
    while dot >= 0:
        if module[dot + 1 :] in names:
            return True
        dot = module.find(".", dot + 1)
    return False


def first_matching_key(keys: Iterable[str], module: str) -> str | None:
    """The first key of rank_pattern or alpha_pattern that applies to a module; keys are regular expressions.

    A key that cannot be matched safely is passed over.
    """
    for key in keys:
        plain = _PLAIN.fullmatch(key) is not None
        if _ends_with(module, key) if plain else matches_pattern(rf"(.*\.)?({key})", module):
            return key
    return None


def _ends_with(module: str, key: str) -> bool:
    """A key without operators: its dots stand for any character, and a dot or nothing precedes the match."""
    start = len(module) - len(key)
    if start < 0 or (start > 0 and module[start - 1] != "."):
        return False
    return all(k in (".", m) for k, m in zip(key, module[start:], strict=True))


def within(names: Iterable[str], module: str) -> bool:
    """Whether one of the names stands in the module's path as whole dotted parts (modules_to_save)."""
    path = f".{module}."
    return any(f".{name}." in path for name in names)


def layer_index(patterns: tuple[str, ...], module: str) -> int | None:
    """The layer number PEFT reads from a module's name: the first numbered part that is not the last one.

    With ``patterns`` (layers_pattern) the number must follow one of them; without, two parts must precede it.
    """
    parts = module.split(".")
    for position in range(1, len(parts) - 1):
        if not (parts[position].isascii() and parts[position].isdigit() and len(parts[position]) < 10):
            continue
        before = ".".join(parts[:position])
        if patterns and any(before == p or before.endswith("." + p) for p in patterns):
            return int(parts[position])
        if not patterns and position >= 2:
            return int(parts[position])
    return None
