"""What a published adapter is where the last checkpoint is the recipe's and the adapter is not."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.errors import CannotRead
from auditor.rerun.judging.weights_gap import distance, same_bits
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR = 1e-6
"""Relative distance from a mean: float32 rounds each element by 6e-8, and who averages may add in another order."""
MOST = 8
"""Checkpoints whose means of two are tried, the last ones."""


def origin(run: Run) -> str | None:
    """``checkpoint-6's`` or ``the mean of checkpoint-6 and checkpoint-12``; None for neither."""
    root = run.root.one(AdapterWeights)
    if root is None:
        return None
    known = [(folder, found) for folder, found in _adapters(run) if set(found.tensors) == set(root.tensors)]
    try:
        for folder, found in known:
            if same_bits(root, found):
                return f"{_name(folder)}'s"
        for (first, one), (second, two) in combinations(known[-MOST:], 2):
            if all(_is_mean(root.array(name), one.array(name), two.array(name)) for name in root.tensors):
                return f"the mean of {_name(first)} and {_name(second)}"
    except CannotRead:
        pass
    return None


def _adapters(run: Run) -> Iterator[tuple[Folder, AdapterWeights]]:
    for folder in run.checkpoints:
        found = folder.one(AdapterWeights)
        if found is not None:
            yield folder, found


def _name(folder: Folder) -> str:
    return folder.path.rpartition("/")[2]


def _is_mean(mean: "NDArray[Any]", one: "NDArray[Any]", two: "NDArray[Any]") -> bool:
    """Whether an array is the mean of two of its shape; shapes that differ are not its own."""
    if not mean.shape == one.shape == two.shape:
        return False
    return distance(mean, (one.astype("f8") + two.astype("f8")) / 2) <= NEAR
