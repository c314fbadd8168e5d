"""One table of an inspection as CSV (RFC 4180, UTF-8): a row a module, or what ``--table`` names.

A cell that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV Injection): names are the
audited repository's own.
"""

import csv
import io

from auditor.model.inspection import Inspection, InspectionComparison
from auditor.report._text import visible
from auditor.report.inspect._tables import Cell, table
from auditor.report.inspect._view import PLAIN, View

SUFFIX = ".csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(found: Inspection | InspectionComparison, view: View = PLAIN) -> str:
    """A header line, then the rows. Floats have all their digits; NaN is ``NaN``, not measured is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    made = table(found, view.table)
    writer.writerow(made.columns)
    for row in made.rows:
        writer.writerow([_text(cell) for cell in row])
    return stream.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell).replace("nan", "NaN")
    if isinstance(cell, int):
        return str(cell)
    text = visible(cell)
    return "'" + text if text.startswith(_FORMULA) else text
