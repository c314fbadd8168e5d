"""A stored JSON report back as a Report, so that it can be rendered in another format."""

import json
from collections.abc import Mapping
from typing import Any

from auditor import schemas
from auditor.errors import UsageError
from auditor.model import (
    Answer,
    Change,
    Claim,
    Coverage,
    Diff,
    Evidence,
    FileChange,
    FileRow,
    Finding,
    Location,
    NotApplicable,
    Ref,
    Report,
    RunReport,
    Severity,
    Snapshot,
    Statement,
    Status,
    Suppression,
    Unread,
)
from auditor.report import _load_training as training

_HINT = "give a file that `audit ... --output json=FILE` wrote"
Json = Mapping[str, Any]


def from_json(text: str, name: str = "this") -> Report:
    """The report that a JSON text holds. Raises UsageError, with its ``name``, when it is not valid against report-v1.

    Law: ``render(from_json(render(report))) == render(report)`` for the JSON renderer.
    """
    try:
        raw = json.loads(text, parse_constant=_no_constant)
        _validate(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not an audit report: {_short(error)}", _HINT) from error
    return _report(raw)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _validate(raw: object) -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schemas.load("report-v1"))
    error = next(iter(validator.iter_errors(raw)), None)
    if error is not None:
        raise ValueError(f"{error.json_path}: {error.message}")


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:199] + "…"


def _report(raw: Json) -> Report:
    subject = raw["subject"]
    base = _ref(subject["base"]) if subject["base"] else None
    head = _ref(subject["head"])
    return Report(
        kind=subject["kind"],
        repository=subject["repository"],
        head=head,
        base=base,
        related_histories=subject["related_histories"],
        verdict=raw["verdict"],
        exit_code=raw["exit_code"],
        summary=raw["summary"],
        findings=tuple(map(_finding, raw["findings"])),
        runs=tuple(map(_run, raw["runs"])),
        files=tuple(FileRow(**row) for row in raw["files"]),
        coverage=Coverage(**raw["coverage"]),
        not_applicable=tuple(NotApplicable(**item) for item in raw["not_applicable"]),
        unread=tuple(Unread(**item) for item in raw["unread"]),
        diff=_diff(raw, base, head),
        rerun=training.rerun(raw["rerun"]) if raw["rerun"] else None,
        notes=tuple(raw["notes"]),
        answers=tuple(Answer(item["question"], item["answer"], item["says"]) for item in raw["answers"]),
        rules_digest=raw["tool"]["rules_digest"],
        version=raw["tool"]["version"],
        fail_on=raw["fail_on"],
        stamp=raw["stamp"],
        rules=raw["rules"],
    )


def _ref(raw: Json) -> Ref:
    return Ref(raw["ref"], raw["commit"])


def _diff(raw: Json, base: Ref | None, head: Ref) -> Diff | None:
    """A Diff whose snapshots are names without files; None when one side only was audited."""
    if base is None and not (raw["changes"] or raw["adapters"] or raw["curves"]):
        return None
    return Diff(
        Snapshot(base.name if base else "", {}, base.commit if base else None),
        Snapshot(head.name, {}, head.commit),
        raw["subject"]["related_histories"],
        tuple(map(_change, raw["changes"])),
        tuple(map(training.adapter, raw["adapters"])),
        tuple(map(training.curve, raw["curves"])),
    )


def _change(raw: Json) -> FileChange:
    facts = tuple(Change(fact["key"], fact["kind"], fact["base"], fact["head"]) for fact in raw["facts"])
    return FileChange(raw["path"], raw["kind"], raw["proof"], facts, raw["note"])


def _finding(raw: Json) -> Finding:
    return Finding(
        rule=raw["rule"],
        severity=Severity[raw["severity"].upper()],
        message=raw["message"],
        at=Location(raw["path"], raw["member"]),
        expected=raw["expected"],
        observed=raw["observed"],
        evidence=tuple(raw["evidence"]),
        fix=raw["fix"],
        state=raw["state"],
        suppressed=Suppression(**raw["suppressed"]) if raw["suppressed"] else None,
        also_at=tuple(Location(at["path"], at["member"]) for at in raw["also_at"]),
        line=raw.get("line"),
    )


def _run(raw: Json) -> RunReport:
    return RunReport(
        path=raw["path"],
        checkpoints=tuple(raw["checkpoints"]),
        claims=tuple(map(_claim, raw["claims"])),
        platform=raw["platform"],
        summary=tuple(raw["summary"]),
        curves=tuple(map(training.curve, raw["curves"])),
        adapter=training.adapter(raw["adapter"]) if raw["adapter"] else None,
    )


def _claim(raw: Json) -> Claim:
    return Claim(
        key=raw["key"],
        statements=tuple(
            Statement(item["source"], item["member"], item["value"], item["role"], item["key"])
            for item in raw["values"]
        ),
        evidence=tuple(_evidence(raw["key"], item) for item in raw["evidence"]),
        status=Status(raw["status"]),
        why=raw["why"],
    )


def _evidence(key: str, raw: Json) -> Evidence:
    return Evidence(
        claim=key,
        outcome=Status(raw["outcome"]),
        says=raw["says"],
        detail=raw["detail"],
        value=raw["value"],
        id=raw["id"],
        paths=tuple(raw["paths"]),
    )
