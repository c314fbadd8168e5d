"""The run's own adapter_config.json and the one of its last checkpoint describe different adapters.

One training run builds its adapter once: every `save_pretrained` writes the same configuration object
(peft 0.13.2 and 0.21.2, peft_model.py). A root that differs from the checkpoint in a value that shapes
the adapter was made by another run or edited, so the weights beside one of the two files do not belong
to it.

Wrong when: the root holds a later training stage that was meant to have another shape, or the
checkpoint is a leftover of an earlier run.

Fix: copy adapter and configuration together from the checkpoint that is to be published, or remove the
leftover checkpoint.

Bad:
    # checkpoint-18 says r 8
    adapter_config.json: /r = 16

Good:
    # keys that another release of PEFT does not write, and one model by path and by hub id
    adapter_config.json: /bias removed
    adapter_config.json: /base_model_name_or_path = "/root/cache/tiny-gemma3"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._base_names import same_model
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.ERROR

_SHAPE = (
    "peft_type",
    "r",
    "lora_alpha",
    "target_modules",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "use_rslora",
    "use_dora",
    "bias",
    "layers_to_transform",
    "base_model_name_or_path",
)
"""Keys that decide what the adapter is."""
_MILD = ("lora_dropout", "task_type", "init_lora_weights")
"""Keys that show another run without changing what is loaded."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Compare with the best checkpoint where the state names one, else with the last."""
    own = run.root.one(AdapterConfig)
    other = _checkpoint(run)
    if own is None or other is None:
        yield Skip("there is no adapter_config.json in both the run's folder and a checkpoint")
        return
    shape = [key for key in _SHAPE if not _same(key, own, other)]
    mild = [key for key in _MILD if not _same(key, own, other)]
    differing = shape + mild
    if differing:
        yield Problem(
            f"adapter_config.json differs from {other.path} in {', '.join(f'`{key}`' for key in differing)}",
            own.at(f"/{differing[0]}"),
            expected="; ".join(f"{key} {_shown(other.raw.get(key))}" for key in differing),
            observed="; ".join(f"{key} {_shown(own.raw.get(key))}" for key in differing),
            severity=None if shape else Severity.WARNING,
        )


def _checkpoint(run: Run) -> AdapterConfig | None:
    state = run.latest(TrainerState)
    best = state.best_model_checkpoint if state else None
    wanted = name_of(best.replace("\\", "/").rstrip("/")) if best else None
    configs = [(name_of(folder.path), folder.one(AdapterConfig)) for folder in run.checkpoints]
    found = [(name, config) for name, config in configs if config is not None]
    named = next((config for name, config in found if name == wanted), None)
    return named or (found[-1][1] if found else None)


def _same(key: str, one: AdapterConfig, other: AdapterConfig) -> bool:
    """Whether two files agree on a key; another release of PEFT may not have written it at all."""
    if key not in one.keys or key not in other.keys:
        return True
    mine, theirs = one.raw[key], other.raw[key]
    if key == "base_model_name_or_path" and isinstance(mine, str) and isinstance(theirs, str):
        return same_model(mine, theirs)
    return _comparable(mine) == _comparable(theirs)


def _comparable(value: object) -> object:
    """Lists, which PEFT writes from sets, as sets; null, false and an empty container alike."""
    if isinstance(value, list):
        return frozenset(str(item) for item in value) or None
    return value if value not in ({}, False, "") else None


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(str(item) for item in value))
    return "null" if value is None else str(value)
