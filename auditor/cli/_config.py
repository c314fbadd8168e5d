"""The policy in force as a file that could be committed, each value with where it came from."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from auditor.policy import Policy

_TABLES = ("severity", "paths", "rerun", "tolerance")
Row = tuple[str, object, str]
"""Key as in ``Policy.sources``, value, source."""


def refuse_unknown_rules(policy: Policy) -> None:
    """Raises UsageError when the policy names a rule that does not exist, with the nearest one."""
    from auditor.engine.audit import known_rules

    known_rules(policy)


def rows(policy: Policy) -> Iterator[Row]:
    """Every value of a policy: those nobody set are defaults."""
    tables: Mapping[str, Mapping[str, object]] = {
        "severity": {rule: level.word for rule, level in policy.severity.items()},
        "paths": policy.paths,
        "rerun": policy.rerun,
        "tolerance": policy.tolerance,
    }
    plain: Sequence[tuple[str, object]] = (
        ("fail-on", policy.fail_on),
        ("require-coverage", policy.require_coverage),
        ("only", list(policy.only)),
        ("skip", list(policy.skip)),
    )
    for key, value in plain:
        if value != [] or key in policy.sources:
            yield key, value, policy.sources.get(key, "default")
    for table in _TABLES:
        for name, value in tables[table].items():
            yield f"{table}.{name}", value, policy.sources.get(f"{table}.{name}", "default")
    for number, item in enumerate(policy.ignores):
        value = {"rule": item.rule, "path": item.path, "reason": item.reason, "until": item.until}
        yield f"ignore.{number}", value, policy.sources.get(f"ignore.{number}", "default")


def as_json(policy: Policy) -> str:
    """One object by key: ``{"fail-on": {"value": "error", "source": "default"}, ...}``."""
    return (
        json.dumps({key: {"value": value, "source": source} for key, value, source in rows(policy)}, indent=2)
        + "\n"
    )


def as_toml(policy: Policy) -> str:
    """TOML that `auditor.policy.parse` reads as the same policy; options of the command line stand as remarks."""
    lines: list[str] = []
    section = ""
    for key, value, source in rows(policy):
        table, _, name = key.partition(".")
        if table == "ignore":
            lines += ["", f"[[ignore]]  # {source}"]
            lines += [f"{k} = {_toml(v)}" for k, v in value.items() if v] if isinstance(value, dict) else []
        elif name:
            lines += ["", f"[{table}]"] if table != section else []
            lines.append(f"{_key(name)} = {_toml(value)}  # {source}")
        elif key in ("only", "skip"):
            lines.append(f"# {source}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
        else:
            lines.append(f"# {key} is not set" if value is None else f"{key} = {_toml(value)}  # {source}")
        section = table if name else section
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: object) -> str:
    """A TOML value; JSON's strings, numbers, booleans and arrays of strings are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
