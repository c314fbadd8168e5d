"""Two adapters or checkpoints side by side: the relation, what else differs, and tensors on demand."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts._base import Artifact
from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.compare.pairs import compare_folders, weights_blob
from auditor.engine.inspect._bytes import held_folder
from auditor.engine.inspect._choice import Chosen, choose
from auditor.engine.inspect._options import InspectOptions
from auditor.engine.inspect._relations import by_digest, sentence
from auditor.model import AdapterComparison, Change, Snapshot, name_of
from auditor.model.inspection import InspectionComparison, Place, TensorRow

if TYPE_CHECKING:
    from auditor.compare.tensors import TensorDifference

_KINDS: tuple[type[Artifact], ...] = (
    *(AdapterConfig, TrainingArgs, TrainerState, OptimizerState, SchedulerState, RngState, ScalerState),
)


def compared(base: Snapshot, head: Snapshot, options: InspectOptions, tensors: bool) -> InspectionComparison:
    """See `auditor.engine.inspect.side_by_side`."""
    if options.numbers:
        numpy_module()  # before anybody else imports NumPy, with one BLAS thread: more of them wait for each other
    one, two = _held(choose(base), options), _held(choose(head), options)
    found = _related(one, two, options.numbers)
    proof, rows = _tensors(one, two) if tensors else (None, ())
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
        proof,
        tuple(dict.fromkeys(unread)),
    )


def _held(side: Chosen, options: InspectOptions) -> Chosen:
    return replace(side, folder=held_folder(side.folder)) if options.numbers else side


def _place(side: Chosen) -> Place:
    return Place(side.snapshot.name, side.snapshot.commit, side.folder.path, side.path)


def _related(one: Chosen, two: Chosen, numbers: bool) -> AdapterComparison:
    left, right = weights_blob(one.run, one.folder), weights_blob(two.run, two.folder)
    if left is not None and right is not None and not numbers:
        return by_digest(left, right, (one.config, two.config))
    if left is not None and right is not None:
        if one.weights is not None and two.weights is not None and (one.config is None or two.config is None):
            return _as_stored(one.weights, two.weights)
        return compare_folders(one.run, one.folder, left, two.run, two.folder, right)
    if one.models and two.models:
        from auditor.compare.models import compare_models

        models = one.model, two.model
        if models[0].files and models[1].files:
            return compare_models(*models)
        whys = "; ".join((*models[0].problems, *models[1].problems))
        return AdapterComparison(str(one.path), str(two.path), "not comparable", why=whys)
    kinds = [
        "an adapter" if blob is not None else "weights that are no PEFT adapter" for blob in (left, right)
    ]
    why = f"{one.path} is {kinds[0]} and {two.path} {kinds[1]}"
    return AdapterComparison(str(one.path), str(two.path), "not comparable", why=why)


def _as_stored(one: AdapterWeights, two: AdapterWeights) -> AdapterComparison:
    """Without a configuration the scale is not known, and the tensors are compared as they are."""
    from auditor.compare._as_they_are import compare_as_they_are

    found = compare_as_they_are((one,), (two,))
    why = "without adapter_config.json on both sides the tensors were compared as they are stored"
    return replace(found, why=f"{found.why}; {why}" if found.why else why)


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


def _tensors(one: Chosen, two: Chosen) -> tuple[str | None, tuple[TensorRow, ...]]:
    """The proof of equality or "numbers", and a row for every tensor of either side."""
    from auditor.compare.tensors import WeightSet, compare_weights

    first, second = (
        WeightSet((side.weights,)) if side.weights is not None else side.model for side in (one, two)
    )
    if not first.files or not second.files:
        return None, ()
    found = compare_weights(first, second)
    measured = {item.name: item for item in found.tensors}
    base, head = first.tensors, second.tensors
    rows = (
        _row(name, base.get(name), head.get(name), measured.get(name), found.proof)
        for name in {**base, **head}
        if name not in found.parts
    )
    return found.proof, tuple(rows)


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
