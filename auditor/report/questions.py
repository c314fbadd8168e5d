"""What a reviewer would ask the author of a branch, as a list in Markdown: to paste, to answer, to tick off."""

from collections.abc import Iterator, Sequence

from auditor.model import Claim, Finding, Report, Severity, Status, Verdict
from auditor.report import _view as view
from auditor.report._markdown_text import code, escaped, prose
from auditor.report._reasons import unread_groups
from auditor.report._text import listing, one_line, plural, value_text
from auditor.report.markdown import BYTE_LIMIT

SUFFIX = ".questions.md"
_MOST = 60
"""Findings asked about, one a rule."""
_MOST_CLAIMS = 40
_TEXT = 400


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """Contradicted values first, then errors and warnings by rule, then what no file proves or nobody could read."""
    asked = [
        *_section("Which value did the training use?", list(_values(report))),
        *_section("Please correct, or say why it is right as it is", list(_findings(report))),
        *_section("Please confirm, because no file that was read proves it", list(_unproved(report))),
        *_section("Please see to the files that could not be read", list(_unread(report))),
    ]
    head = [
        f"### Questions to the author of {code(report.head.name)}",
        "",
        f"From {code(view.command(report))}.",
    ]
    none = "None: nothing was found that needs an answer."
    if report.verdict == "nothing checked":
        none = "Where is the model? No file of a model or of a training was found."
    return _fitting([*head, *(asked or ["", none])])


def _fitting(lines: Sequence[str]) -> str:
    """As many lines as a comment holds, and a word where it holds no more."""
    kept: list[str] = []
    room = BYTE_LIMIT - 100
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            kept += ["", f"_Cut at {BYTE_LIMIT:,} bytes; the report has all._"]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _section(title: str, items: Sequence[str]) -> list[str]:
    return ["", f"**{title}**", "", *(f"- [ ] {item}" for item in items)] if items else []


def _claims(report: Report, status: Status) -> Iterator[tuple[str, Claim]]:
    """Claims of every run, each with the run's folder where there are several."""
    for run in report.runs:
        where = f" (run at {escaped(view.folder(run.path), 80)})" if len(report.runs) > 1 else ""
        yield from ((where, claim) for claim in run.claims if claim.status is status)


def _values(report: Report) -> Iterator[str]:
    """The recipe that fits what was committed, and contradicted values that no finding tells in the same words."""
    if report.rerun is not None and report.rerun.nearest and report.rerun.verdict is Verdict.DIVERGED:
        yield f"Trained again, the committed files are {escaped(report.rerun.nearest, _TEXT)}: was it that?"
    told = {finding.message for finding in view.live(report)}
    for where, claim in _claims(report, Status.CONTRADICTED):
        if claim.statements and claim.why not in told:
            values = escaped(view.values_by_source(claim), 200)
            yield f"{code(claim.key)}{where}: {values}. {_sentence(prose(claim.why, _TEXT))}"


def _findings(report: Report) -> Iterator[str]:
    """One question a rule: what it says first, and at how many places besides."""
    grave = [finding for finding in view.live(report) if finding.severity is not Severity.NOTE]
    rules: dict[str, list[Finding]] = {}
    for finding in grave:
        rules.setdefault(finding.rule, []).append(finding)
    for rule, (first, *more) in list(rules.items())[:_MOST]:
        places = len(more) + sum(len(finding.also_at) for finding in (first, *more))
        besides = f" and {plural(places, 'more place')}" if places else ""
        fix = f" {_fix(_sentence(prose(first.fix, _TEXT)))}" if first.fix else ""
        yield (
            f"{view.SEVERITY_SIGNS[first.severity]} {_sentence(prose(first.message, _TEXT))}{fix} "
            f"({code(view.spot(first), 120)}{besides}; {code(rule)})"
        )
    if len(rules) > _MOST:
        yield f"and {len(rules) - _MOST} more rules; the report has them all"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _fix(text: str) -> str:
    """A fix begins with a verb; a message may begin with a name, whose spelling counts."""
    return text[:1].upper() + text[1:]


def _unproved(report: Report) -> Iterator[str]:
    """Declared values that nothing tests, and what a rerun had to assume."""
    for run in report.runs:
        open_ = [claim for claim in run.claims if claim.status is Status.UNVERIFIABLE and claim.statements]
        where = f" of the run at {escaped(view.folder(run.path), 80)}" if len(report.runs) > 1 else ""
        if open_:
            yield f"the declared values{where}: {listing(map(_value, open_), _MOST_CLAIMS)}"
    plan = report.rerun.plan if report.rerun else None
    assumed = [(name, item) for name, item in plan.settings.items() if item.assumed] if plan else []
    if assumed:
        told = (code(f"{name} {value_text(item.value, 30)}") for name, item in assumed)
        yield f"what the rerun assumed: {listing(told, _MOST_CLAIMS)}"


def _value(claim: Claim) -> str:
    values = dict.fromkeys(value_text(item.value, 30) for item in claim.statements)
    return code(f"{one_line(claim.key)} {' or '.join(values)}")


def _unread(report: Report) -> Iterator[str]:
    for state, reason, paths in unread_groups(report.unread):
        pushed = "; was it pushed (`git lfs push --all origin`)?" if state == "unfetched" else ""
        yield f"{escaped(listing(paths, 6), _TEXT)}: {prose(reason, _TEXT)}{pushed}"
