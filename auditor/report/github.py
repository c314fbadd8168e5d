"""The findings as GitHub Actions workflow commands: ``::error file=...,title=...::message``.

Escapes as actions/toolkit does (packages/core/src/command.ts): %, CR and LF in messages, also : and , in properties.
"""

from auditor.model import Report, Severity
from auditor.report._text import plural, visible
from auditor.report._view import live

SUFFIX = ".github.txt"
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """A line a finding, worst first, then a line for the verdict."""
    lines = [
        f"::{_COMMANDS[item.severity]} file={_property(item.at.path)}{_line(item.line)},title={_property(item.rule)}"
        f"::{_message(_with_member(item.at.member) + item.message)}"
        for item in live(report)
    ]
    if report.unread:
        count = plural(len(report.unread), "file")
        lines.append(f"::warning title=not read::{_message(f'{count} could not be read; see the report')}")
    command = {"pass": "notice", "incomplete": "warning"}.get(report.verdict, "error")
    lines.append(f"::{command} title=audit {report.verdict}::{_message(report.summary)}")
    return "\n".join(lines) + "\n"


def _line(line: int | None) -> str:
    return f",line={line}" if line else ""


def _with_member(member: str | None) -> str:
    return f"{member}: " if member else ""


def _message(text: str) -> str:
    return visible(text, "\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
