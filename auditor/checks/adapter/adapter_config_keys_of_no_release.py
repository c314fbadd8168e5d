"""adapter_config.json holds keys that no release of PEFT writes, or writes together.

`save_pretrained` writes every field of the method's configuration class and nothing else (peft 0.21.2, config.py),
so the keys of a file are those of one release or of a build between two. Two keys that never were in one release
show a file put together by hand; a key that resembles a field which is missing is a misspelling, and PEFT does not
read it: 0.6 to 0.13 stop with a TypeError, 0.14 and newer warn and use the default.

Wrong when: a fork of PEFT, or a class derived from its configuration, adds the key. Keys that resemble nothing are
reported only where the file names the release that wrote it and that release is known to this audit; missing keys
are never reported, because tools drop nulls.

Fix: write the file with `save_pretrained` again, or spell the key as PEFT does.

Bad:
    adapter_config.json: /lora_dropot = 0.05
    adapter_config.json: /lora_dropout removed

Good:
    adapter_config.json: /lora_dropout = 0.05
"""

import difflib
from collections.abc import Iterator

from auditor.artifacts._fields import member
from auditor.artifacts._peft_layout import MARKS, methods_of
from auditor.artifacts._release_tables import KeyTable
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.versions import adapter_keys
from auditor.checks._wording import counted, joined
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_LOOKED_AT = 20
"""Most unknown keys compared with the known ones; a file of another program has many."""
_LIKE = 0.85
"""Share of equal letters (difflib) from which a key counts as a misspelling: one letter in seven or more."""


def check(config: AdapterConfig, weights: AdapterWeights | None) -> Iterator[Problem | Skip]:
    """One finding: what cannot be together first, then misspellings, then what the named release lacks."""
    methods = methods_of(weights) if weights is not None else frozenset()
    if methods and config.peft_type in MARKS and config.peft_type not in methods:
        yield Skip("the tensors beside the file are of another method than it says, whose keys it may hold")
        return
    known = adapter_keys(config.peft_type)
    if known is None:
        yield Skip("the file does not configure a method that this audit knows")
        return
    found = known.impossible(config.keys)
    unknown = sorted(config.keys - known.written.keys())
    if found is not None:
        yield Problem(
            f"no release of PEFT writes `{found.old}` and `{found.new}` for {config.peft_type} into one file",
            config.at(f"/{found.old}"),
            expected="the keys of one release",
            observed=f"`{found.old}` (last in {found.last}) and `{found.new}` (first in {found.first})",
        )
    elif unknown:
        yield from _unknown(config, known, unknown)


def _unknown(config: AdapterConfig, known: KeyTable, unknown: list[str]) -> Iterator[Problem | Skip]:
    missing = known.written.keys() - config.keys
    like = {key: near for key in unknown[:_LOOKED_AT] for near in _near(key, missing)}
    stated = config.peft_version
    if like:
        key, near = next(iter(like.items()))
        yield Problem(
            f"PEFT knows no key `{key}` for {config.peft_type}, and `{near}`, which it resembles, is missing: PEFT "
            "uses the default",
            config.at(member(key)),
            expected=f"`{near}`",
            observed=f"`{key}`",
        )
    elif stated and known.at(stated) is not None:
        yield Problem(
            f"PEFT {stated}, which the file names as its writer, does not write {_named(unknown)}",
            config.at(member(unknown[0])),
            severity=Severity.NOTE,
        )
    else:
        yield Skip(
            f"{counted(len(unknown), 'key')} not known to this audit, whose table ends with PEFT "
            f"{known.releases[-1]}: {_named(unknown)}"
        )


def _near(key: str, missing: frozenset[str] | set[str]) -> list[str]:
    return difflib.get_close_matches(key[:60], sorted(missing), 1, _LIKE)


def _named(keys: list[str]) -> str:
    shown = [f"`{key[:40]}`" for key in keys[:3]]
    return joined([*shown, f"{len(keys) - 3} more"] if len(keys) > 3 else shown)
