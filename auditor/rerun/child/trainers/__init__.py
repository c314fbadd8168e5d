"""How a model is trained: one file a trainer, each with the same two functions.

``load(job, tokenizer)`` returns the examples of a job, ``build(job, base, examples, tokenizer, log)`` a Trainer that
has not begun. `auditor.rerun.planning.trainers` tells the parent, which imports no torch, what each can do.
"""

import importlib
from typing import Any


def trainer(name: str) -> Any:
    """Returns the module of a trainer; `Settings` has refused every other name."""
    return importlib.import_module(f"{__name__}.{name}")
