"""The ledger as a table: one row a hyperparameter, one column a source file."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Claim, RunReport, Statement, Status, name_of
from auditor.report._text import value_text
from auditor.report._view import STATUS_ORDER

_LONGEST_PROVED = 40
_ROLE_ORDER = ("declared", "effective", "recorded", "described")


@dataclass(frozen=True, slots=True)
class Said:
    """One value in a cell; ``odd`` when the row is contradicted and this value is not the proved one.

    ``member`` is the source's own name for the key where it has another, else "".
    """

    value: str
    full: str
    member: str
    at: str
    odd: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One hyperparameter with what each column's source says of it (often nothing); ``proved`` may be ""."""

    claim: Claim
    cells: tuple[tuple[Said, ...], ...]
    proved: str


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """A run's claims; ``columns`` are (file name, role), ``folded`` rows that nothing tested, if they are many."""

    run: RunReport
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    folded: tuple[Row, ...]


def ledger_table(run: RunReport, most_stated: int) -> LedgerTable:
    """Contradicted claims first; columns in the order declared, effective, recorded, described."""
    columns = _columns(run.claims)
    claims = sorted(run.claims, key=lambda claim: (STATUS_ORDER.index(claim.status), claim.key))
    rows = tuple(_row(claim, columns) for claim in claims)
    stated = tuple(row for row in rows if row.claim.status is Status.STATED)
    if len(stated) <= most_stated or len(stated) == len(rows):
        return LedgerTable(run, columns, rows, ())
    return LedgerTable(run, columns, rows[: -len(stated)], stated)


def _columns(claims: Sequence[Claim]) -> tuple[tuple[str, str], ...]:
    found = {(name_of(item.path), item.role) for claim in claims for item in claim.statements}
    return tuple(sorted(found, key=lambda column: (_rank(column[1]), column[0])))


def _rank(role: str) -> int:
    return _ROLE_ORDER.index(role) if role in _ROLE_ORDER else len(_ROLE_ORDER)


def _row(claim: Claim, columns: Sequence[tuple[str, str]]) -> Row:
    proved = {
        value_text(item.value, 2000)
        for item in claim.evidence
        if item.outcome is Status.CONTRADICTED and item.value is not None
    }
    cells: list[tuple[Said, ...]] = []
    for column in columns:
        statements = [item for item in claim.statements if (name_of(item.path), item.role) == column]
        cells.append(_distinct([_said(item, claim.key, proved) for item in statements]))
    return Row(claim, tuple(cells), _proved(claim))


def _proved(claim: Claim) -> str:
    """What the tests derived, where no file says it or what files say is wrong; "" when it is long or the same."""
    if claim.statements and claim.status is not Status.CONTRADICTED:
        return ""
    values = (value_text(item.value, 200) for item in claim.evidence if item.value is not None)
    return next((value for value in values if len(value) <= _LONGEST_PROVED), "")


def _said(statement: Statement, key: str, proved: set[str]) -> Said:
    full = value_text(statement.value, 2000)
    return Said(
        value=value_text(statement.value, 48),
        full=full,
        member=_other_name(statement, key),
        at=f"{statement.path}#{statement.member}" if statement.member else statement.path,
        odd=bool(proved) and full not in proved,
    )


def _other_name(statement: Statement, key: str) -> str:
    name = statement.member.replace(".", "/").rpartition("/")[2]
    return "" if name == key else name or statement.member


def _distinct(said: Sequence[Said]) -> tuple[Said, ...]:
    """Copies of a file in several checkpoints say the same thing once."""
    return tuple({item.full: item for item in reversed(said)}.values())[::-1]
