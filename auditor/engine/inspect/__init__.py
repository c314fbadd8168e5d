"""What is in an adapter, a checkpoint, a run, as the words of `auditor.model.inspection`."""

from typing import TYPE_CHECKING

from auditor.engine.inspect._options import InspectOptions, Progress
from auditor.engine.inspect._runs import Looked, inspect, look

if TYPE_CHECKING:
    from auditor.model import Snapshot
    from auditor.model.inspection import InspectionComparison

__all__ = ["InspectOptions", "Looked", "Progress", "inspect", "look", "side_by_side"]


def side_by_side(
    base: "Snapshot", head: "Snapshot", options: InspectOptions | None = None, tensors: bool = False
) -> "InspectionComparison":
    """Compare what two snapshots hold. Raises UsageError when one of them holds no weights, or several adapters.

    IncompleteError when its weights could not be read. ``tensors`` compares every tensor as numbers too.
    """
    from auditor.engine.inspect._compare import compared

    return compared(base, head, options or InspectOptions(), tensors)
