"""A published adapter that was written anew after the training: what it was trained with is in its checkpoints.

Tools fold ``lora_alpha`` into lora_B or set it to the rank, and PEFT itself turns an adapter that began from the base's
own weights into one of twice the rank for the plain base (peft 0.21.2, tuners/lora/model.py,
``subtract_mutated_init``).
"""

from collections.abc import Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Setting
from auditor.runs import Run

_KEYS = ("r", "lora_alpha", "use_rslora", "init_lora_weights")
MUTATING = ("pissa", "olora", "corda", "loftq")
"""How an adapter begins that changes the base's own weights, before what follows an underscore."""


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


def is_for_the_plain_base(theirs: AdapterConfig, made: AdapterConfig) -> bool:
    """Whether a published adapter is that of a training which began from the base's own weights, for the plain base."""
    began = str(made.init_lora_weights).lower().partition("_")[0]
    return began in MUTATING and theirs.init_lora_weights is True and theirs.r == 2 * (made.r or 0)
