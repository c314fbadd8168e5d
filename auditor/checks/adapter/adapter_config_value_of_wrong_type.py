"""adapter_config.json holds a value of another type than its key takes.

PEFT passes the values to a dataclass, which checks nothing (peft 0.21.2, config.py, `from_peft_type`), so a number
in quotes or a single name where a list belongs shows up later, as an exception or as a setting that silently means
something else: a string given as `modules_to_save` is gone through letter by letter. The types are those that the
releases of PEFT declare.

Wrong when: a release newer than this audit's table takes more types, or PEFT declares a type too narrowly. Whole
floats (`32.0`) count as integers, any number as a factor, and null as "nothing" for booleans, objects and lists.

Fix: write the value with the type named, or save the adapter again.

Bad:
    adapter_config.json: /modules_to_save = "lm_head"

Good:
    adapter_config.json: /modules_to_save = ["score"]
"""

from collections.abc import Iterator

from auditor.artifacts._fields import describe, member
from auditor.artifacts._value_types import accepted, described, fits
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.versions import adapter_keys
from auditor.checks._copies import key_of, with_copies
from auditor.checks.adapter import adapter_config_unusable
from auditor.checks.adapter._loaded import LOADED
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(config: AdapterConfig, run: Run | None) -> Iterator[Problem | Skip]:
    """One finding a key; what makes the adapter unusable is `adapter-config-unusable`'s."""
    yield from with_copies(_problems(config), run, config)


def _problems(config: AdapterConfig) -> Iterator[Problem | Skip]:
    known = adapter_keys(config.peft_type)
    if known is None:
        yield Skip("the file does not configure a method that this audit knows")
        return
    refused = {
        key_of(item)
        for item in adapter_config_unusable.check(config, None, None)
        if isinstance(item, Problem)
    }
    told = dict(config.type_errors)
    for pointer, sentence in told.items():
        if pointer.split("/")[1] not in (*LOADED, *refused):
            yield Problem(sentence, config.at(pointer))
    for key, kinds in accepted(known).items():
        if (
            key in config.raw
            and key not in refused
            and member(key) not in told
            and not fits(config.raw[key], kinds)
        ):
            yield Problem(
                f"`{key}` is {describe(config.raw[key])}, expected {described(kinds)}",
                config.at(member(key)),
                severity=Severity.ERROR if key in LOADED else None,
            )
