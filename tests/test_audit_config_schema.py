"""The schema of .audit.toml and the code that reads it agree."""

import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from auditor import policy, schemas
from auditor.errors import UsageError

SCHEMA: dict[str, Any] = schemas.load("audit-config")
VALIDATOR = Draft202012Validator(SCHEMA)
IGNORE = '[[ignore]]\nrule = "a"\nreason = "b"\nuntil = "2030-01-01"\n'


def test_both_know_the_same_keys() -> None:
    known = SCHEMA["properties"]
    assert set(known) == set(policy._KEYS)
    assert set(known["ignore"]["items"]["properties"]) == set(policy._IGNORE_KEYS)
    assert set(known["rerun"]["properties"]) == set(policy._RERUN_KEYS)
    assert set(known["rerun"]["properties"]["trainer"]["enum"]) == set(policy._TRAINERS)
    assert set(known["fail-on"]["enum"]) == set(policy.LEVELS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'fail-on = "note"',
        "require-coverage = 0",
        '[severity]\nx = "note"',
        '[paths]\n"/a" = "b"',
        IGNORE,
        IGNORE + 'path = "*.json"',
        "[rerun]\nsteps = 5\nthreads = 2\njobs = 2\nminutes = 0.5",
        '[rerun]\nenvironment = "recorded"',
        '[rerun]\nenvironment = "transformers==4.48.3, peft==0.14.0"',
        "[tolerance]\nloss = 1e-3",
    ],
)
def test_both_accept(text: str) -> None:
    table = tomllib.loads(text)
    policy.parse(table, "test")
    assert VALIDATOR.is_valid(table)


@pytest.mark.parametrize(
    "text",
    [
        'fail-on = "all"',
        'fail_on = "error"',
        "require-coverage = 1.5",
        "require-coverage = true",
        '[severity]\nx = "never"',
        'severity = "note"',
        "paths = 1",
        "ignore = {}",
        '[[ignore]]\nrule = "a"\nreason = "b"',
        '[[ignore]]\nrule = " "\nreason = "b"\nuntil = "2030-01-01"',
        IGNORE + "from = 1",
        IGNORE.replace("2030-01-01", "soon"),
        "[rerun]\nsteps = 0",
        "[rerun]\nsteps = 2.5",
        "[rerun]\nthreads = 1.5",
        "[rerun]\njobs = 0",
        "[rerun]\nminutes = 0",
        '[rerun]\ntrainer = "mine"',
        '[rerun]\nenvironment = "newest"',
        '[rerun]\nenvironment = "peft==0.14.0;x"',
        "[rerun]\nspeed = 1",
        '[tolerance]\nloss = "small"',
    ],
)
def test_both_refuse(text: str) -> None:
    table = tomllib.loads(text)
    with pytest.raises(UsageError):
        policy.parse(table, "test")
    assert not VALIDATOR.is_valid(table)
