"""optimizer.pt: moments and step counts by parameter, as shapes; their bytes only on demand."""

from __future__ import annotations

import math
import struct

from auditor.artifacts._pickle_names import ITEMSIZE
from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickle_values import Instance, TensorRef
from auditor.artifacts._pickled import Pickled
from auditor.artifacts.pickle_archive import PickleArchive, refuse_opaque
from auditor.errors import CannotRead
from auditor.model import Fact, Frozen
from auditor.model.frozen import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, Self

    import numpy


_QUANT_STATE = "__bnb_optimizer_quant_state__"
"""Where bitsandbytes keeps its state tensors, to hide them from FSDP (0.50.2, optim/optimizer.py, `state_dict`)."""
_PROJECTORS: Mapping[str, str] = {
    "galore_torch.galore_projector.GaLoreProjector": "galore",
    "galore_torch.galore_projector_tensor.GaLoreProjectorTensor": "galore",
    "apollo_torch.svd_projector.GaLoreProjector": "galore",
    "apollo_torch.random_projector.GradientProjector": "apollo",
}
"""Objects that GaLore 1.0 and APOLLO 1.0 keep beside the moments (adamw.py, apollo.py), and what they make of them:
moments of gradients that were projected, whose shape is not the parameter's. They are not needed to read the rest.
"""
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("adamw", frozenset({"exp_avg", "exp_avg_sq"})),
    ("adam8bit", frozenset({"state1", "state2"})),
    ("adafactor", frozenset({"exp_avg_sq_row"})),
    ("lion", frozenset({"exp_avg"})),
    ("lion8bit", frozenset({"state1"})),
    ("sgd", frozenset({"momentum_buffer"})),
)
"""Names of state tensors: torch/optim/adamw.py, sgd.py; bitsandbytes/optim/optimizer.py; transformers Adafactor."""
_SHAPED = ("exp_avg", "state1", "momentum_buffer")
"""State tensors that have the shape of their parameter."""
_NAMES = 32
"""Most state tensors of one parameter; 8-bit Adam has seven."""
_GROUPS = 1000
_PARAMS = 1_000_000
_FORMATS = {"float32": "f", "float64": "d", "int64": "q", "int32": "i"}


class ParamState(Frozen):
    """The state of one parameter: its index over all groups, how often it was stepped, its tensors by name."""

    index: int
    step: float | None
    tensors: Mapping[str, TensorRef]
    projected: str | None
    """``galore`` or ``apollo`` where the gradients were projected before their moments were kept."""
    __slots__ = ("index", "projected", "step", "tensors")

    def __init__(
        self,
        index: int,
        step: float | None,
        tensors: Mapping[str, TensorRef],
        projected: str | None = None,
    ) -> None:
        put(self, "index", index)
        put(self, "step", step)
        put(self, "tensors", tensors)
        put(self, "projected", projected)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The parameter's shape, as its first moment has it; None when no state tensor has that shape."""
        if self.projected is not None:
            return None
        return next((self.tensors[name].shape for name in _SHAPED if name in self.tensors), None)


class OptimizerState(Pickled, hidden=("archive",)):
    """One optimizer.pt or optimizer.bin.

    ``entries`` in the order of parameter indices; a parameter that never got a gradient has none. ``param_groups``
    are plain settings; their ``params`` list indices.
    """

    patterns: ClassVar[tuple[str, ...]] = ("optimizer.pt", "optimizer.bin")
    unseen: ClassVar[str] = "the values of the moments differ; structure, steps and settings are equal"
    entries: tuple[ParamState, ...]
    param_groups: tuple[Mapping[str, object], ...]
    archive: PickleArchive
    __slots__ = ("archive", "entries", "param_groups")

    def __init__(
        self,
        path: str,
        entries: tuple[ParamState, ...],
        param_groups: tuple[Mapping[str, object], ...],
        archive: PickleArchive,
    ) -> None:
        put(self, "path", path)
        put(self, "entries", entries)
        put(self, "param_groups", param_groups)
        put(self, "archive", archive)

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """Read structure and step counts, no moments. Raises CannotRead when the file holds something else."""
        value = archive.value
        if not isinstance(value, dict) or "param_groups" not in value:
            raise CannotRead("does not hold the state of an optimizer")
        state = value.get("state")
        groups = value.get("param_groups")
        entries = _entries(archive, state if isinstance(state, dict) else {})
        # Every value that is asked for has been taken out; those of a hundred checkpoints are no use to anybody.
        return cls(archive.path, entries, _groups(groups), archive.replaced(value=None))

    @property
    def steps(self) -> frozenset[float]:
        """The distinct step counts; one in a run in which every parameter was always updated."""
        return frozenset(entry.step for entry in self.entries if entry.step is not None)

    @property
    def kind(self) -> str | None:
        """adamw, adam8bit, adafactor, lion, lion8bit or sgd by the names of the state tensors; None when unknown.

        galore or apollo where gradients were projected, whatever is kept of them.
        """
        projected = next((entry.projected for entry in self.entries if entry.projected), None)
        if projected is not None:
            return projected
        names = {name for entry in self.entries for name in entry.tensors}
        return next((kind for kind, needed in _KINDS if needed <= names), None)

    @property
    def parameter_count(self) -> int:
        """Parameters the groups list, updated or not."""
        return sum(len(params) for g in self.param_groups if isinstance(params := g.get("params"), list))

    @property
    def numel(self) -> int:
        """Elements of all parameters that have a state."""
        return sum(math.prod(entry.shape) for entry in self.entries if entry.shape is not None)

    def array(self, index: int, name: str) -> numpy.ndarray[Any, Any]:
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


def _groups(groups: object) -> tuple[Mapping[str, object], ...]:
    """The groups as plain settings. Raises CannotRead when they list more parameters than any model has."""
    found: list[Mapping[str, object]] = []
    left = _PARAMS
    for group in groups[:_GROUPS] if isinstance(groups, list | tuple) else ():
        if isinstance(group, dict):
            params = group.get("params")
            indices = params if isinstance(params, list | tuple) else ()
            left -= len(indices)
            if left < 0:
                raise CannotRead(f"lists more than {_PARAMS:,} parameters")
            settings = plain({key: item for key, item in group.items() if key != "params"}, 3, 1000)
            if isinstance(settings, dict):
                found.append(
                    {**settings, "params": [item for item in indices if isinstance(item, int | str)]}
                )
    return tuple(found)


def _entries(archive: PickleArchive, state: Mapping[object, object]) -> tuple[ParamState, ...]:
    steps = _steps(archive, state)
    found: list[ParamState] = []
    for index, values in state.items():
        if isinstance(index, int) and isinstance(values, dict):
            if len(values) > _NAMES:
                raise CannotRead(
                    f"holds {len(values)} values for parameter {index}, more than any optimizer keeps"
                )
            known = _flat(index, values)
            refuse_opaque(known)
            tensors = {str(k): v for k, v in known.items() if isinstance(v, TensorRef) and k != "step"}
            found.append(ParamState(index, steps.get(index), tensors, _projected(known.get("projector"))))
    return tuple(sorted(found, key=lambda entry: entry.index))


def _flat(index: int, values: Mapping[object, object]) -> dict[object, object]:
    """The values of one parameter, those that bitsandbytes hides one level deeper among them."""
    hidden = values.get(_QUANT_STATE)
    if not isinstance(hidden, dict):
        return dict(values)
    if len(hidden) > _NAMES:
        raise CannotRead(f"holds {len(hidden)} values for parameter {index}, more than any optimizer keeps")
    return {**{key: item for key, item in values.items() if key != _QUANT_STATE}, **hidden}


def _projected(value: object) -> str | None:
    """What an object kept beside the moments makes of them."""
    return _PROJECTORS.get(value.qualified_name) if isinstance(value, Instance) else None


def _steps(archive: PickleArchive, state: Mapping[object, object]) -> Mapping[int, float]:
    """Step counts: plain numbers, or tensors of one element whose few bytes are read in one pass."""
    found: dict[int, float] = {}
    refs: dict[int, TensorRef] = {}
    for index, values in state.items():
        step = values.get("step") if isinstance(values, dict) else None
        if not isinstance(index, int):
            continue
        if isinstance(step, TensorRef) and step.numel == 1 and step.dtype in _FORMATS:
            refs[index] = step
        elif isinstance(step, int | float) and not isinstance(step, bool) and -(2**63) < step < 2**63:
            found[index] = float(step)
    return {**found, **_tensor_steps(archive, refs)}


def _tensor_steps(archive: PickleArchive, refs: Mapping[int, TensorRef]) -> Mapping[int, float]:
    """Values of tensors of one element; those that are no finite number are left out."""
    order = "<" if archive.little_endian else ">"
    found: dict[int, float] = {}
    wanted: dict[str, tuple[int, int]] = {}
    for ref in refs.values():
        size = ITEMSIZE[ref.dtype]
        if wanted.setdefault(ref.storage_key, (ref.storage_offset * size, size)) != (
            ref.storage_offset * size,
            size,
        ):
            raise CannotRead(
                "keeps the step counts of several parameters in one tensor storage, which is not read"
            )
    data = archive.read_slices(wanted) if wanted else {}
    for index, ref in refs.items():
        value = float(struct.unpack(order + _FORMATS[ref.dtype], data[ref.storage_key])[0])
        if math.isfinite(value):
            found[index] = value
    return found
