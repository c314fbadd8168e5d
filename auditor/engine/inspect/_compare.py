"""Two adapters or checkpoints side by side: the relation, what else differs, and tensors on demand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts._base import Artifact
from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.engine.inspect._choice import Chosen, choose
from auditor.engine.inspect._options import InspectOptions
from auditor.engine.inspect._related import related
from auditor.engine.inspect._relations import sentence
from auditor.model import Change, Snapshot, name_of
from auditor.model.inspection import InspectionComparison, Place, TensorRow

if TYPE_CHECKING:
    from auditor.compare.tensors import TensorDifference, WeightsDifference

_KINDS: tuple[type[Artifact], ...] = (
    *(AdapterConfig, TrainingArgs, TrainerState, OptimizerState, SchedulerState, RngState, ScalerState),
)


def compared(base: Snapshot, head: Snapshot, options: InspectOptions, tensors: bool) -> InspectionComparison:
    """See `auditor.engine.inspect.side_by_side`."""
    if options.numbers:
        numpy_module()  # before anybody else imports NumPy, with one BLAS thread: more of them wait for each other
    one, two = choose(base), choose(head)
    found, difference = related(one, two, options.numbers, tensors, _teller(one, two, options))
    rows = () if difference is None else tuple(_rows(one, two, difference))
    paths = {one.path, two.path}
    unread = [
        item
        for side in (one, two)
        for item in side.run.contents.unread
        if item.path in paths or item.path.startswith(side.folder.path + "/" if side.folder.path else "")
    ]
    return InspectionComparison(
        _place(one),
        _place(two),
        sentence(found),
        found,
        dict(_facts(one, two)),
        rows,
        None if difference is None else difference.proof,
        () if difference is None else tuple(dict.fromkeys(difference.notes)),
        tuple(dict.fromkeys(unread)),
    )


def _teller(one: Chosen, two: Chosen, options: InspectOptions) -> Callable[[int], None]:
    """Tells the progress from the bytes that were looked at."""
    total = sum(item.size for side in (one, two) for item in side.set.files)
    done = 0

    def tell(size: int) -> None:
        nonlocal done
        done = min(done + size, total)
        options.progress(done, total, "comparing weights")

    return tell


def _place(side: Chosen) -> Place:
    return Place(side.snapshot.name, side.snapshot.commit, side.folder.path, side.path)


def _facts(one: Chosen, two: Chosen) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """Differences of configurations and states by file name; those within tolerance are left out."""
    from auditor.compare.facts import compare

    for kind in _KINDS:
        left, right = one.folder.one(kind), two.folder.one(kind)
        if left is None or right is None:
            continue
        changes = tuple(
            change
            for change in compare(left.facts(), right.facts())
            if not change.within_tolerance and "@" not in change.key  # rows of the log, which are curves
        )
        if changes:
            yield name_of(right.path), changes


def _rows(one: Chosen, two: Chosen, found: "WeightsDifference") -> Iterator[TensorRow]:
    """A row for every tensor of either side."""
    measured = {item.name: item for item in found.tensors}
    base, head = one.set.tensors, two.set.tensors
    for name in {**base, **head}:
        if name not in found.parts:
            yield _row(name, base.get(name), head.get(name), measured.get(name), found.proof)


def _row(
    name: str,
    left: TensorInfo | None,
    right: TensorInfo | None,
    measured: "TensorDifference | None",
    proof: str,
) -> TensorRow:
    row = TensorRow(
        name,
        None if left is None else left.dtype,
        None if right is None else right.dtype,
        None if left is None else left.shape,
        None if right is None else right.shape,
    )
    if left is None or right is None:
        alone = f"only the {'head' if left is None else 'base'} has it"
        return replace(row, why=alone if measured is None else measured.unread)
    if measured is None and proof != "numbers":
        return replace(row, elements=left.elements, differing=0)
    if measured is None:
        return replace(row, why="the shapes differ" if left.shape != right.shape else "was not compared")
    return replace(
        row,
        elements=measured.elements,
        differing=measured.differing,
        first=measured.first,
        max_abs=measured.max_abs,
        relative_l2=measured.relative_l2,
        cosine=measured.cosine,
        ulp=measured.max_ulp,
        sign_flips=measured.sign_flips,
        base_nan=measured.base_nan,
        head_nan=measured.head_nan,
        base_inf=measured.base_inf,
        head_inf=measured.head_inf,
        why=measured.unread,
    )
