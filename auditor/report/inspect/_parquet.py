"""One table of an inspection as a parquet file, and as a pandas DataFrame; both need the ``[tables]`` extra."""

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import UsageError, extra
from auditor.model.inspection import Inspection, InspectionComparison
from auditor.report.inspect._tables import Table, table

if TYPE_CHECKING:
    import pandas

_HINT = extra("tables")


def require() -> None:
    """Raises UsageError with what to install, unless pandas and pyarrow are there."""
    import importlib.util

    missing = [name for name in ("pandas", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"parquet needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            _HINT,
        )


def frame(made: Table) -> "pandas.DataFrame":
    """The table as a DataFrame: integers with gaps are Int64, numbers float64, texts object. Raises UsageError."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("a DataFrame needs pandas, which is not installed", _HINT) from error
    return pandas.DataFrame({name: _column(cells) for name, cells in made.columns.items()})


def _column(cells: object) -> "pandas.Series[object]":
    import pandas

    values = list(cells) if isinstance(cells, list | tuple) else []
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int} and kinds:
        return pandas.Series(values, dtype="Int64")
    if kinds <= {int, float} and kinds:
        return pandas.Series([None if v is None else float(v) for v in values], dtype="float64")
    return pandas.Series(values, dtype="object")


def write(found: Inspection | InspectionComparison, name: str, path: Path) -> None:
    """Write one table. Raises UsageError when packages are missing, OSError when the file cannot be written."""
    require()
    frame(table(found, name)).to_parquet(path, index=False)
