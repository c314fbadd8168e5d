"""What is in an adapter, a checkpoint, a run, as the words of `auditor.model.inspection`."""

from auditor.engine.inspect._compare import side_by_side
from auditor.engine.inspect._options import InspectOptions, Progress
from auditor.engine.inspect._runs import inspect

__all__ = ["InspectOptions", "Progress", "inspect", "side_by_side"]
