"""A published adapter that was written anew after the training: what it was trained with is in its checkpoints.

How that is done, and what can be compared then: `auditor.compare.rewritten`.
"""

from collections.abc import Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Setting
from auditor.runs import Run

_KEYS = ("r", "lora_alpha", "use_rslora", "init_lora_weights")


def trained_with(run: Run, known: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings that every checkpoint's adapter_config.json has and the published one has not.

    Nothing where checkpoints disagree: then none of them speaks for the training.
    """
    root = run.root.one(AdapterConfig)
    saved = [item for folder in run.checkpoints if (item := folder.one(AdapterConfig)) is not None]
    if root is None or not saved:
        return {}
    found: dict[str, Setting] = {}
    for key in _KEYS:
        values = [getattr(config, key) for config in saved]
        agreed = all(value == values[0] for value in values) and values[0] not in (None, getattr(root, key))
        if agreed and key in known and known[key].source.startswith(f"{root.path}#"):
            found[key] = Setting(values[0], f"{saved[-1].path}#/{key}")
    return found
