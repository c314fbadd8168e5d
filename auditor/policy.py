"""``.audit.toml`` or ``[tool.audit]`` -> one frozen Policy. In a comparison it is read from the base ref."""

import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from auditor.errors import CannotRead, UsageError
from auditor.model import Blob, Severity, Snapshot, Suppression

FILES = (".audit.toml", "pyproject.toml")
_KEYS = ("fail-on", "require-coverage", "severity", "paths", "ignore", "rerun", "tolerance")
_IGNORE_KEYS = ("rule", "path", "reason", "until")
_RERUN_KEYS = ("trainer", "command", "environment", "steps", "minutes", "threads", "timeout", "jobs", "on")
_TRAINERS = ("auto", "reference", "sft", "dpo", "command")
_ENVIRONMENT = re.compile(r"current|recorded|[a-z]+ ?== ?[0-9][0-9.]*( ?, ?[a-z]+ ?== ?[0-9][0-9.]*)*")
_DOTS = 200
"""Dots in a line at most: tomllib's time grows with the square of a dotted key's parts (100,000 take minutes)."""
_HEADING = re.compile(r"^\s*\[{1,2}\s*(?P<name>[\w.\-]+)\s*\]{1,2}")
_ENTRY = re.compile(r"""^\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[^\s"'=]+))\s*=""")
LEVELS: Mapping[str, Severity | None] = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "note": Severity.NOTE,
    "never": None,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the reviewer decided beforehand.

    ``sources`` says where each value came from (``main:.audit.toml:3``), by key: ``fail-on``, ``severity.RULE``,
    ``paths.PATH``, ``ignore.0``, ``rerun.steps``, ``tolerance.loss``. What it does not name is a default.
    """

    fail_on: str = "error"
    require_coverage: float | None = None
    severity: Mapping[str, Severity] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    ignores: tuple[Suppression, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    rerun: Mapping[str, object] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def fails(self, severity: Severity) -> bool:
        """Whether a finding of this severity fails the audit."""
        level = LEVELS[self.fail_on]
        return level is not None and severity >= level

    def wants(self, rule: str) -> bool:
        """Whether a rule is to be run."""
        return (not self.only or rule in self.only) and rule not in self.skip


def from_snapshot(snapshot: Snapshot) -> Policy:
    """The policy a repository holds at its root, or the default. Raises UsageError naming file and key."""
    for name in FILES:
        blob = snapshot.files.get(name)
        if blob is None or blob.absent:
            continue
        try:
            table = _table(name, blob.read(1024 * 1024))
        except CannotRead as error:
            raise UsageError(f"{name} {error.reason}", "mend the file, or remove it") from error
        if table is not None:
            where = f"{snapshot.name}:{name}"
            policy = _parsed(table, where)
            return replace(policy, sources=_with_lines(policy.sources, where, _text_of(blob)))
    return Policy()


def _parsed(table: Mapping[str, object], where: str) -> Policy:
    try:
        return parse(table, where)
    except (
        OverflowError,
        ValueError,
    ) as error:  # A hexadecimal number has no limit of digits until it is shown.
        raise UsageError(
            f"{where} holds a number of too many digits", "mend the file, or remove it"
        ) from error


def _text_of(blob: Blob) -> str:
    return blob.read(1024 * 1024).decode(errors="replace")


def _with_lines(sources: Mapping[str, str], where: str, text: str) -> Mapping[str, str]:
    """Each source with the number of the line its key stands on, where that is plain to see."""
    lines: dict[str, int] = {}
    section = ""
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        head = _HEADING.match(line)
        if head is not None:
            section = head["name"].removeprefix("tool.audit").lstrip(".")
            if section == "ignore":
                lines.setdefault(f"ignore.{count}", number)
                count += 1
            continue
        key = _ENTRY.match(line)
        if key is not None:
            name = key["double"] or key["single"] or key["bare"]
            lines.setdefault(f"{section}.{name}" if section else name, number)
    return {key: f"{where}:{lines[key]}" if key in lines else where for key in sources}


def _table(name: str, data: bytes) -> Mapping[str, object] | None:
    if any(line.count(b".") > _DOTS for line in data.splitlines()):
        raise UsageError(f"{name} has a line of more than {_DOTS} dots", "mend the file, or remove it")
    try:
        raw = tomllib.loads(data.decode())
    except RecursionError as error:
        raise UsageError(f"{name} is nested too deeply", "mend the file, or remove it") from error
    except ValueError as error:  # Not UTF-8, not TOML, or a number of too many digits.
        raise UsageError(f"{name} is not valid TOML: {error}", "mend the file, or remove it") from error
    if name == "pyproject.toml":
        tool = raw.get("tool")
        section = tool.get("audit") if isinstance(tool, dict) else None
        return section if isinstance(section, dict) else None
    return raw


def parse(table: Mapping[str, object], where: str) -> Policy:
    """One TOML table as a Policy. Raises UsageError: unknown keys name the nearest known one."""
    _known(table, _KEYS, where)
    fail_on = table.get("fail-on", "error")
    if fail_on not in LEVELS:
        raise UsageError(f"fail-on in {where} is {fail_on!r}", f"use one of {', '.join(LEVELS)}")
    return Policy(
        fail_on=str(fail_on),
        require_coverage=_share(table.get("require-coverage"), where),
        severity=_severities(table.get("severity", {}), where),
        paths={str(k): str(v) for k, v in _mapping(table.get("paths", {}), "paths", where).items()},
        ignores=_ignores(table.get("ignore", []), where),
        rerun=_rerun(table.get("rerun", {}), where),
        tolerance=_numbers(table.get("tolerance", {}), where),
        sources=dict.fromkeys(_keys(table), where),
    )


def _keys(table: Mapping[str, object]) -> Iterator[str]:
    """Every value's key: ``fail-on``, ``severity.RULE``, ``ignore.0``."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (f"{key}.{name}" for name in value)
        elif isinstance(value, list) and key == "ignore":
            yield from (f"{key}.{number}" for number in range(len(value)))
        else:
            yield key


def _known(table: Mapping[str, object], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(keys)}"
            raise UsageError(f"unknown key {key!r} in {where}", hint)


def _mapping(value: object, key: str, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{key} in {where} must be a table", f"write [{key}] and one line per entry")
    return value


def _share(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(f"require-coverage in {where} is {value!r}", "give a share from 0 to 1")
    return float(value)


def _severities(value: object, where: str) -> Mapping[str, Severity]:
    found: dict[str, Severity] = {}
    for rule, word in _mapping(value, "severity", where).items():
        level = LEVELS.get(str(word))
        if level is None:
            raise UsageError(f"severity of {rule} in {where} is {word!r}", "use error, warning or note")
        found[rule] = level
    return found


def _ignores(value: object, where: str) -> tuple[Suppression, ...]:
    if not isinstance(value, list):
        raise UsageError(f"ignore in {where} must be an array of tables", "write [[ignore]] for each")
    return tuple(_ignore(_mapping(item, "ignore", where), where) for item in value)


def _ignore(item: Mapping[str, object], where: str) -> Suppression:
    _known(item, _IGNORE_KEYS, f"[[ignore]] of {where}")
    for key in ("rule", "reason", "until"):
        if not str(item.get(key, "")).strip():
            raise UsageError(f"an [[ignore]] in {where} has no {key}", "rule, reason and until are required")
    try:
        until = date.fromisoformat(str(item["until"])[:10]).isoformat()
    except ValueError as error:
        # Dates are compared as text: another word would be later than every day, and the ignore would never end.
        raise UsageError(f"until in {where} is {str(item['until'])!r}", "write a date: 2027-01-31") from error
    return Suppression(str(item["rule"]), str(item.get("path", "")), str(item["reason"]), until)


def _rerun(value: object, where: str) -> Mapping[str, object]:
    table = _mapping(value, "rerun", where)
    _known(table, _RERUN_KEYS, f"[rerun] of {where}")
    _amounts(table, f"[rerun] of {where}")
    on = table.get("on", "local")
    if not isinstance(on, str):
        raise UsageError(f"on in [rerun] of {where} is {on!r}", "write a text such as slurm:partition=gpu")
    trainer, command = table.get("trainer", "auto"), table.get("command", "x")
    if trainer not in _TRAINERS:
        raise UsageError(
            f"trainer in [rerun] of {where} is {trainer!r}", f"use one of {', '.join(_TRAINERS)}"
        )
    environment = table.get("environment", "current")
    if not isinstance(environment, str) or not _ENVIRONMENT.fullmatch(environment):
        raise UsageError(
            f"environment in [rerun] of {where} is {environment!r}",
            "use current, recorded, or releases such as transformers==4.48.3,peft==0.14.0",
        )
    words = command if isinstance(command, list) else [command]
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise UsageError(
            f"command in [rerun] of {where} is {command!r}", "give one line of text, or an array of words"
        )
    return table


def _amounts(table: Mapping[str, object], where: str) -> None:
    for key in ("minutes", "timeout"):
        number = table.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
            raise UsageError(f"{key} in {where} is {number!r}", "give a number above 0")
    for key in ("steps", "threads", "jobs"):
        count = table.get(key, 1)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"{key} in {where} is {count!r}", "give a whole number from 1 upwards")


def _numbers(value: object, where: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for key, number in _mapping(value, "tolerance", where).items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise UsageError(f"tolerance {key} in {where} is {number!r}", "give a number from 0 upwards")
        found[key] = float(number)
    return found


def overridden(
    policy: Policy,
    fail_on: str | None,
    coverage: float | None,
    only: Sequence[str],
    ignore: Sequence[str],
) -> Policy:
    """A policy with what the command line says on top. Raises UsageError."""
    if fail_on is not None and fail_on not in LEVELS:
        raise UsageError(f"--fail-on {fail_on!r} is no level", f"use one of {', '.join(LEVELS)}")
    if coverage is not None and not 0 <= coverage <= 1:
        raise UsageError(f"--require-coverage {coverage} is no share", "give a number from 0 to 1")
    said = {"fail-on": fail_on, "require-coverage": coverage, "only": only, "skip": ignore}
    options = {"only": "--only", "skip": "--ignore"}
    sources = {
        key: f"option {options.get(key, f'--{key}')}"
        for key, value in said.items()
        if value not in (None, (), [])
    }
    return replace(
        policy,
        sources={**policy.sources, **sources},
        fail_on=fail_on or policy.fail_on,
        require_coverage=policy.require_coverage if coverage is None else coverage,
        only=tuple(only),
        skip=tuple(ignore),
    )
