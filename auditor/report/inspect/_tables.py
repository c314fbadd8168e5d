"""An inspection as tables: rows of plain values under named columns, for CSV, parquet and data frames.

Empty cells are None: not there or not measured, and the column ``why`` says which. NaN is NaN.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from auditor.errors import UsageError
from auditor.model.inspection import (
    AdapterInspection,
    Inspection,
    InspectionComparison,
    RunInspection,
    StepRow,
    TensorRow,
)
from auditor.report.inspect._words import folder

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, each with as many cells as there are rows."""

    columns: Mapping[str, Sequence[Cell]]

    @property
    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows in order."""
        return zip(*self.columns.values(), strict=True)


Row = Mapping[str, Cell]


def table(found: Inspection | InspectionComparison, name: str) -> Table:
    """One table of an inspection, or of two adapters side by side. Raises UsageError for a name that it has not."""
    makers = MAKERS if isinstance(found, Inspection) else SIDE_MAKERS
    if name not in makers:
        side = "" if isinstance(found, Inspection) else " of two adapters side by side"
        raise UsageError(f"there is no table {name!r}{side}", f"tables: {', '.join(makers)}")
    columns, rows = makers[name](found)
    made = list(rows)
    return Table({column: [row.get(column) for row in made] for column in columns})


Made = tuple[Sequence[str], Iterator[Row]]


def _adapters(found: Inspection) -> Iterator[tuple[RunInspection, AdapterInspection]]:
    for run in found.runs:
        for adapter in run.adapters:
            yield run, adapter


_MODULE = (
    *("run", "folder", "step", "module", "layer", "kind", "out", "in", "rank", "scaling", "parameters"),
    *(
        "dtypes",
        "norm",
        "effective_rank",
        "largest_singular_value",
        "largest_a",
        "largest_b",
        "nan",
        "infinite",
    ),
    *("conditions", "why"),
)


def _modules(found: Inspection | InspectionComparison) -> Made:
    return _MODULE, _module_rows(found) if isinstance(found, Inspection) else iter(())


def _module_rows(found: Inspection) -> Iterator[Row]:
    for run, adapter in _adapters(found):
        for item in adapter.modules:
            yield {
                "run": run.path,
                "folder": folder(adapter.folder),
                "step": adapter.step,
                "module": item.module,
                "layer": item.layer,
                "kind": item.kind,
                "out": item.shape[0] if item.shape else None,
                "in": item.shape[1] if item.shape else None,
                "rank": item.rank,
                "scaling": item.scaling,
                "parameters": item.parameters,
                "dtypes": " ".join(item.dtypes),
                "norm": item.norm,
                "effective_rank": item.effective_rank,
                "largest_singular_value": item.spectrum[0] if item.spectrum else None,
                "largest_a": item.largest_a,
                "largest_b": item.largest_b,
                "nan": item.nan,
                "infinite": item.infinite,
                "conditions": " ".join(condition.word.replace(" ", "-") for condition in item.conditions),
                "why": item.why,
            }


_TENSOR = ("run", "folder", "step", "name", "module", "part", "dtype", "shape", "bytes", "why")


def _tensors(found: Inspection | InspectionComparison) -> Made:
    return _TENSOR, _tensor_rows(found) if isinstance(found, Inspection) else iter(())


def _tensor_rows(found: Inspection) -> Iterator[Row]:
    for run, adapter in _adapters(found):
        for item in adapter.tensors:
            yield {
                "run": run.path,
                "folder": folder(adapter.folder),
                "step": adapter.step,
                "name": item.name,
                "module": item.module,
                "part": item.part,
                "dtype": item.dtype,
                "shape": _shape(item.shape),
                "bytes": item.bytes,
                "why": item.why,
            }


def _shape(shape: Sequence[int] | None) -> str | None:
    return None if shape is None else "x".join(map(str, shape))


_STEP = ("run", *(item.name for item in fields(StepRow)))


def _steps(found: Inspection | InspectionComparison) -> Made:
    return _STEP, _step_rows(found) if isinstance(found, Inspection) else iter(())


def _step_rows(found: Inspection) -> Iterator[Row]:
    for run in found.runs:
        for item in run.steps:
            values = {part.name: getattr(item, part.name) for part in fields(StepRow)}
            yield {"run": run.path, **values, "folder": folder(item.folder)}


_SIDE_MODULE = ("module", "relative_distance", "cosine", "norm_ratio", "base_norm", "head_norm")


def _side_modules(found: Inspection | InspectionComparison) -> Made:
    return _SIDE_MODULE, _side_rows(found) if isinstance(found, InspectionComparison) else iter(())


def _side_rows(found: InspectionComparison) -> Iterator[Row]:
    for item in found.comparison.modules:
        yield {
            "module": item.module,
            "relative_distance": item.relative_distance,
            "cosine": item.cosine,
            "norm_ratio": item.head_norm / item.base_norm if item.base_norm else None,
            "base_norm": item.base_norm,
            "head_norm": item.head_norm,
        }


_SIDE_TENSOR = tuple(item.name for item in fields(TensorRow))


def _side_tensors(found: Inspection | InspectionComparison) -> Made:
    return _SIDE_TENSOR, _side_tensor_rows(found) if isinstance(found, InspectionComparison) else iter(())


def _side_tensor_rows(found: InspectionComparison) -> Iterator[Row]:
    for item in found.tensors:
        values = {name: getattr(item, name) for name in _SIDE_TENSOR}
        yield {
            **values,
            "base_shape": _shape(item.base_shape),
            "head_shape": _shape(item.head_shape),
        }


Maker = Callable[[Inspection | InspectionComparison], Made]
MAKERS: Mapping[str, Maker] = {
    "modules": _modules,
    "tensors": _tensors,
    "steps": _steps,
}
SIDE_MAKERS: Mapping[str, Maker] = {"modules": _side_modules, "tensors": _side_tensors}
