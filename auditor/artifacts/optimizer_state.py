"""optimizer.pt: moments and step counts by parameter, as shapes; their bytes only on demand."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.artifacts._pickle_names import ITEMSIZE
from auditor.artifacts._pickle_values import TensorRef, plain
from auditor.artifacts.pickle_archive import PickleArchive, refuse_opaque
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

if TYPE_CHECKING:
    import numpy

_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("adamw", frozenset({"exp_avg", "exp_avg_sq"})),
    ("adam8bit", frozenset({"state1", "state2"})),
    ("adafactor", frozenset({"exp_avg_sq_row"})),
    ("lion", frozenset({"exp_avg"})),
    ("sgd", frozenset({"momentum_buffer"})),
)
_FORMATS = {"float32": "<f", "float64": "<d", "int64": "<q", "int32": "<i"}


@dataclass(frozen=True, slots=True)
class ParamState:
    """The state of one parameter: its index over all groups, how often it was stepped, its tensors by name."""

    index: int
    step: float | None
    tensors: Mapping[str, TensorRef]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The parameter's shape, as its first moment has it."""
        moment = self.tensors.get("exp_avg") or self.tensors.get("state1")
        return moment.shape if moment else None


@dataclass(frozen=True, slots=True)
class OptimizerState(Artifact):
    """One optimizer.pt or optimizer.bin.

    ``entries`` in the order of parameter indices; a parameter that never got a gradient has none. ``param_groups``
    are plain settings; their ``params`` list indices.
    """

    patterns: ClassVar[tuple[str, ...]] = ("optimizer.pt", "optimizer.bin")
    entries: tuple[ParamState, ...]
    param_groups: tuple[Mapping[str, object], ...]
    archive: PickleArchive = field(compare=False, repr=False)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read structure and step counts, no moments. Raises CannotRead when the file holds something else."""
        archive = PickleArchive.parse(blob)
        value = archive.value
        if not isinstance(value, dict) or "param_groups" not in value:
            raise CannotRead("does not hold the state of an optimizer")
        state = value.get("state")
        groups = value.get("param_groups")
        entries = _entries(archive, state if isinstance(state, dict) else {})
        plain_groups = [plain(g, 3) for g in groups] if isinstance(groups, list | tuple) else []
        return cls(blob.path, entries, tuple(g for g in plain_groups if isinstance(g, dict)), archive)

    @property
    def steps(self) -> frozenset[float]:
        """The distinct step counts; one in a run in which every parameter was always updated."""
        return frozenset(entry.step for entry in self.entries if entry.step is not None)

    @property
    def kind(self) -> str | None:
        """adamw, adam8bit, adafactor, lion or sgd by the names of the state tensors; None when there are none."""
        names = {name for entry in self.entries for name in entry.tensors}
        return next((kind for kind, needed in _KINDS if needed <= names), None)

    @property
    def parameter_count(self) -> int:
        """How many parameters the groups list, updated or not."""
        return sum(len(params) for g in self.param_groups if isinstance(params := g.get("params"), list))

    @property
    def numel(self) -> int:
        """Elements of all parameters that have a state."""
        total = 0
        for entry in self.entries:
            count = 1
            for size in entry.shape or (0,):
                count *= size
            total += count
        return total

    def array(self, index: int, name: str) -> "numpy.ndarray[Any, Any]":
        """A state tensor (``exp_avg``, ``exp_avg_sq``, ...) of a parameter. Raises CannotRead when it has none."""
        entry = next((entry for entry in self.entries if entry.index == index), None)
        ref = entry.tensors.get(name) if entry else None
        if ref is None:
            raise CannotRead(f"has no {name} for parameter {index}")
        return self.archive.tensor(ref)

    def facts(self) -> Mapping[str, Fact]:
        """Structure: kind, steps, shapes, settings of the groups; moments are compared as tensors elsewhere."""
        found = {
            "kind": Fact(self.kind),
            "steps": Fact(self.steps),
            "parameters": Fact(self.parameter_count),
            "shapes": Fact(tuple(entry.shape for entry in self.entries)),
        }
        for number, group in enumerate(self.param_groups):
            for key, value in group.items():
                if key != "params":
                    found[f"param_groups[{number}].{key}"] = Fact(value, rtol=1e-12)
        return found


def _entries(archive: PickleArchive, state: Mapping[object, object]) -> tuple[ParamState, ...]:
    steps = _steps(archive, state)
    found: list[ParamState] = []
    for index, values in state.items():
        if isinstance(index, int) and isinstance(values, dict):
            tensors = {str(k): v for k, v in values.items() if isinstance(v, TensorRef) and k != "step"}
            found.append(ParamState(index, steps.get(index), tensors))
    return tuple(sorted(found, key=lambda entry: entry.index))


def _steps(archive: PickleArchive, state: Mapping[object, object]) -> Mapping[int, float]:
    """Step counts: plain numbers, or tensors of one element whose few bytes are read in one pass."""
    found: dict[int, float] = {}
    refs: dict[int, TensorRef] = {}
    for index, values in state.items():
        step = values.get("step") if isinstance(values, dict) else None
        if not isinstance(index, int):
            continue
        if isinstance(step, TensorRef) and step.numel == 1 and step.dtype in _FORMATS and step.storage_offset < 4096:
            refs[index] = step
        elif isinstance(step, int | float) and not isinstance(step, bool):
            found[index] = float(step)
    sizes = {ref.storage_key: (ref.storage_offset + 1) * ITEMSIZE[ref.dtype] for ref in refs.values()}
    data = archive.read_storages(sizes) if sizes else {}
    for index, ref in refs.items():
        at = ref.storage_offset * ITEMSIZE[ref.dtype]
        found[index] = float(struct.unpack_from(_FORMATS[ref.dtype], data[ref.storage_key], at)[0])
    return found
