"""The ledger for a terminal: what is contradicted and verified in rows, what nobody could test in a sentence."""

from collections.abc import Iterator, Sequence

from auditor.model import Claim, Report, RunReport, Status
from auditor.report import _view as view
from auditor.report._ansi import Paint
from auditor.report._text import listing, one_line, pad, shorten, value_text, width_of, wrapped

_COLOURS = {
    Status.VERIFIED: "green",
    Status.CONTRADICTED: "red",
    Status.UNVERIFIABLE: "yellow",
    Status.STATED: "dim",
}
_ROWS = (Status.CONTRADICTED, Status.VERIFIED)
_LEADS = {Status.UNVERIFIABLE: "unverifiable", Status.STATED: "only stated"}
_SHOWN = 48
_KEY_WIDTH = 28


def ledgers(report: Report, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    """One table a run: key, what evidence says, and who states which value."""
    for position, run in enumerate(report.runs):
        if position:
            yield ""
        yield from _ledger(run, paint, width, detail)


def _ledger(run: RunReport, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    platform = f" ({run.platform})" if run.platform else ""
    title = "Hyperparameters"
    where = one_line(f"run at {view.folder(run.path)}{platform}")
    yield f"{paint(title, 'title')}  {shorten(where, width - len(title) - 2)}"
    for text in run.summary:
        yield from wrapped(text, width, "  ", "    ")
    if run.checkpoints:
        yield from wrapped("checkpoints: " + listing(run.checkpoints, 6), width, "  ", "    ")
    claims = sorted(run.claims, key=lambda claim: (view.STATUS_ORDER.index(claim.status), claim.key))
    if not claims:
        yield "  no file states any"
        return
    for line in wrapped(view.status_counts(claims), width, "  ", "  "):
        yield paint(line, "dim")
    rows = claims if detail else [claim for claim in claims if claim.status in _ROWS]
    yield from _rows(rows, len(rows) if detail else _SHOWN, paint, width)
    for status, lead in () if detail else _LEADS.items():
        yield from _told(status, lead, [claim for claim in claims if claim.status is status], paint, width)


def _rows(claims: Sequence[Claim], most: int, paint: Paint, width: int) -> Iterator[str]:
    shown = claims[:most]
    key_width = min(max((width_of(one_line(claim.key)) for claim in shown), default=0), _KEY_WIDTH)
    for claim in shown:
        yield from _claim(claim, key_width, paint, width)
    if len(claims) > len(shown):
        yield paint(f"  … and {len(claims) - len(shown)} more (--verbose shows all)", "dim")


def _claim(claim: Claim, key_width: int, paint: Paint, width: int) -> Iterator[str]:
    sign = paint(view.STATUS_SIGNS[claim.status], _COLOURS[claim.status])
    key = pad(shorten(one_line(claim.key), key_width), key_width)
    room = " " * (key_width + 6)
    first, *rest = wrapped(view.values_by_source(claim), width, room, room) or [room]
    yield f"  {sign} {key}  {first[len(room) :]}".rstrip()
    yield from rest
    if claim.why and claim.status is Status.CONTRADICTED:
        yield from wrapped(claim.why, width, room, room)


def _told(status: Status, lead: str, claims: Sequence[Claim], paint: Paint, width: int) -> Iterator[str]:
    """``? unverifiable: learning_rate 3e-05, seed 42``: nothing tests these, so the values alone are of use."""
    if not claims:
        return
    start = f"  {view.STATUS_SIGNS[status]} {lead}"
    said = listing((_value(claim) for claim in claims[:_SHOWN]), _SHOWN)
    more = f" and {len(claims) - _SHOWN} more" if len(claims) > _SHOWN else ""
    first, *rest = wrapped(f"{start.strip()}: {said}{more}", width, "  ", "    ")
    yield paint(start, _COLOURS[status]) + first[len(start) :]
    yield from rest


def _value(claim: Claim) -> str:
    values = list(dict.fromkeys(value_text(item.value, 24) for item in claim.statements))
    return f"{one_line(claim.key)} {' vs '.join(values)}".rstrip()
