"""Artifacts and recipe -> Runs: which adapter folder, checkpoints, event files and declared config belong together.

A repository may hold many adapters and many runs, in any folder; a folder named ``checkpoint-N`` belongs to the
run whose history it continues (lineage), not simply to its parent.
"""

from auditor.runs._grouping import group
from auditor.runs._lineage import argument_differences, differences, trainer_of
from auditor.runs._processes import processes, ranks
from auditor.runs._reading import read
from auditor.runs._words import CHECKPOINT, BaseFolder, Contents, Folder, Run, best_step

__all__ = [
    "CHECKPOINT",
    "BaseFolder",
    "Contents",
    "Folder",
    "Run",
    "argument_differences",
    "best_step",
    "differences",
    "group",
    "processes",
    "ranks",
    "read",
    "trainer_of",
]
