"""`auditor.open`: an inspection in Python, for notebooks and scripts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import finalize

from auditor.engine.inspect import InspectOptions, Looked, look, side_by_side
from auditor.errors import UsageError
from auditor.model.inspection import (
    AdapterInspection,
    Inspection,
    InspectionComparison,
    RunInspection,
    StateInspection,
)
from auditor.sources import targets

if TYPE_CHECKING:
    import pandas

    from auditor.compare.curve_table import CurveRow
    from auditor.model import Snapshot, Unread


class Curves:
    """Every logged number of all runs: each trainer_state.json's log_history, and each event file.

    Rows stand as they were written, copies in later checkpoints too, told apart by ``source``; one series a tag is in
    ``run.curves`` of each of `Opened.runs`.
    """

    def __init__(self, looked: Looked) -> None:
        self._looked = looked

    @property
    def rows(self) -> "tuple[CurveRow, ...]":
        """One row a number: run, source, tag, canonical_tag, step, epoch, wall_time (s), value."""
        return tuple(self._looked.logged())

    def to_dataframe(self) -> "pandas.DataFrame":
        """The rows as a DataFrame; ``step`` is Int64, numbers float64. Raises UsageError when pandas is missing."""
        from auditor.compare.curve_table import to_dataframe

        return to_dataframe(self._looked.logged())

    def to_csv(self, path: Path | str) -> int:
        """Write a CSV file; returns the number of rows. Raises OSError."""
        from auditor.compare.curve_table import to_csv

        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            return to_csv(self._looked.logged(), stream)

    def to_parquet(self, path: Path | str) -> int:
        """Write a parquet file; returns the number of rows. Raises UsageError when pyarrow is missing, OSError."""
        from auditor.compare.curve_table import to_parquet

        return to_parquet(self._looked.logged(), path)

    def __len__(self) -> int:
        return sum(1 for _ in self._looked.logged())


class Opened:
    """What a ref, folder, bundle or file holds. Everything was read when it was opened; `compare` reads again.

    Use it as a context manager, or call `close`, so that a repository's git processes and a bundle's temporary
    folder end at once and not with the object.
    """

    def __init__(self, snapshot: "Snapshot", looked: Looked, stack: ExitStack) -> None:
        self._snapshot, self._looked = snapshot, looked
        self._close = finalize(self, stack.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End processes and remove temporary files; what was read stays. Safe to call twice."""
        self._close()

    @property
    def inspection(self) -> Inspection:
        """All of it as plain dataclasses, what `audit inspect` prints."""
        return self._looked.inspection

    @property
    def runs(self) -> tuple[RunInspection, ...]:
        """Every run: adapters, states, relations between checkpoints, steps, curves."""
        return self.inspection.runs

    @property
    def adapters(self) -> tuple[AdapterInspection, ...]:
        """The adapters of all runs: each run's own folder first, then its checkpoints by step."""
        return tuple(adapter for run in self.runs for adapter in run.adapters)

    @property
    def states(self) -> tuple[StateInspection, ...]:
        """The training states of all runs, by folder."""
        return tuple(state for run in self.runs for state in run.states)

    @property
    def curves(self) -> Curves:
        """Every logged number of all runs."""
        return Curves(self._looked)

    @property
    def unread(self) -> "tuple[Unread, ...]":
        """What could not be read, each with its reason and state."""
        return self.inspection.unread

    @property
    def modules(self) -> "pandas.DataFrame":
        """One row a module of each adapter: shape, rank, norm, effective rank, conditions, why.

        ``norm`` is Frobenius in the base model's weight units (float64). Raises UsageError when pandas is missing.
        """
        return self.table("modules")

    @property
    def tensors(self) -> "pandas.DataFrame":
        """One row a tensor as stored: name, dtype, shape (``16x2560``), bytes, why it is not read.

        Raises UsageError as `modules` does.
        """
        return self.table("tensors")

    @property
    def steps(self) -> "pandas.DataFrame":
        """One row a checkpoint: loss, rate, norms, change since the one before. Raises UsageError as `modules` does."""
        return self.table("steps")

    def table(self, name: str) -> "pandas.DataFrame":
        """A table by name: modules, tensors or steps. Raises UsageError for another, and when pandas is missing."""
        from auditor.report.inspect._parquet import frame
        from auditor.report.inspect._tables import table

        return frame(table(self.inspection, name))

    def compare(
        self, other: "Opened | Path | str", *, repo: Path | str | None = None, tensors: bool = False
    ) -> InspectionComparison:
        """This one's adapter as base beside another's as head: relation, distances by module, what else differs.

        ``other`` may be what `auditor.open` takes. ``tensors`` compares tensor by tensor too. Raises UsageError when a
        side holds no weights, or several adapters: open ``TARGET:FOLDER`` then. Raises IncompleteError when its only
        weights could not be read.
        """
        for side in (self, other):
            if isinstance(side, Opened) and not side._close.alive:
                raise UsageError(f"{side.inspection.snapshot} is closed", "open it again")
        if isinstance(other, Opened):
            return side_by_side(self._snapshot, other._snapshot, tensors=tensors)
        with opened(other, repo=repo, numbers=False) as second:
            return side_by_side(self._snapshot, second._snapshot, tensors=tensors)

    def text(self, width: int = 80) -> str:
        """What `audit inspect` prints, ``width`` columns wide, without colour."""
        from auditor.report.inspect import terminal
        from auditor.report.inspect._view import View

        return terminal.render(self.inspection, View(width=width))

    def to_json(self) -> str:
        """What `audit inspect --format json` prints (the schema inspection-v1)."""
        from auditor.report.inspect import json

        return json.render(self.inspection)

    def to_html(self) -> str:
        """What `audit inspect --format html` prints: one page that needs nothing else."""
        from auditor.report.inspect import html

        return html.render(self.inspection)

    def __repr__(self) -> str:
        from auditor.report.inspect._words import sentence

        says = sentence(self.runs[0]) if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return f"<auditor.Opened {self.inspection.snapshot!r}: {says}>"


def opened(
    target: Path | str,
    *,
    repo: Path | str | None = None,
    lfs_store: Sequence[Path | str] = (),
    base: Path | str | None = None,
    numbers: bool = True,
    progress: Callable[[int, int, str], None] | None = None,
) -> Opened:
    """See `auditor.open`."""
    place = None if repo is None else Path(repo)
    folder = None if base is None else Path(base)
    options = InspectOptions(numbers=numbers, base=folder)
    if progress is not None:
        options = InspectOptions(numbers=numbers, base=folder, progress=progress)
    with ExitStack() as stack:
        found = stack.enter_context(targets.within(str(target), place, [Path(item) for item in lfs_store]))
        (snapshot,) = found.snapshots
        return Opened(snapshot, look(snapshot, options), stack.pop_all())
