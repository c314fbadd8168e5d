"""Two copies of adapter_config.json in one run describe different adapters.

One training run builds its adapter once: every `save_pretrained` writes the same configuration object
(peft 0.13.2 and 0.21.2, peft_model.py). A copy that differs in a value that shapes the adapter was made
by another run or edited, so the weights beside one of the two files do not belong to it. One release of
PEFT writes the same keys each time, so copies that name one release agree in all of them.

Wrong when: the root holds a later training stage that was meant to have another shape, or the
checkpoint is a leftover of an earlier run.

Fix: copy adapter and configuration together from the checkpoint that is to be published, or remove the
leftover checkpoint.

Bad:
    # checkpoint-18 says r 8
    adapter_config.json: /r = 16

Good:
    # keys that another release of PEFT does not write, and one model by path and by hub id
    adapter_config.json: /peft_version removed
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
"""Keys that show another run without changing what is loaded, whatever release wrote them."""
_NAMED = 4


def check(run: Run) -> Iterator[Problem | Skip]:
    """Each copy against that of the best checkpoint where the state names one, else of the last; one finding."""
    right = _checkpoint(run)
    others = [item for item in run.all(AdapterConfig) if item is not right]
    if right is None or not others:
        yield Skip("there is no adapter_config.json in both the run's folder and a checkpoint")
        return
    # Where all others agree against it, the last checkpoint's own copy is the odd one.
    against = len(others) > 1 and all(_differing(item, right) for item in others)
    if against and not any(_differing(item, others[0]) for item in others[1:]):
        right, others = others[0], [right]
    found = ((item, _differing(item, right)) for item in others)
    odd = next(((item, keys) for item, keys in found if keys), None)
    if odd is not None:
        yield _problem(*odd, right)


def _differing(one: AdapterConfig, right: AdapterConfig) -> list[str]:
    """The keys in which two copies differ, those that shape the adapter first."""
    # AdaLoRA gives ranks away while it trains and keeps who has how many in rank_pattern.
    moving = {"rank_pattern"} if one.peft_type == right.peft_type == "ADALORA" else set[str]()
    keys = [key for key in (*_SHAPE, *_MILD) if key not in moving and not _same(key, one, right)]
    version = one.raw.get("peft_version")
    if version is None or version != right.raw.get("peft_version"):
        return keys
    # A resumed run may name its base by path, and then without the revision.
    base = one.base_model_name_or_path == right.base_model_name_or_path
    free = {"base_model_name_or_path", *keys, *moving} | (set() if base else {"revision"})
    return keys + [key for key in sorted((one.keys | right.keys) - free) if not _equal(key, one, right)]


def _equal(key: str, one: AdapterConfig, right: AdapterConfig) -> bool:
    """Whether one release wrote the same under a key; lists come from sets."""
    if key not in one.keys or key not in right.keys:
        return False
    mine, theirs = one.raw[key], right.raw[key]
    if isinstance(mine, list) and isinstance(theirs, list):
        return sorted(map(repr, mine)) == sorted(map(repr, theirs))
    return mine == theirs and isinstance(mine, bool) == isinstance(theirs, bool)


def _problem(one: AdapterConfig, keys: list[str], right: AdapterConfig) -> Problem:
    named = ", ".join(f"`{key}`" for key in keys[:_NAMED])
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return Problem(
        f"{one.path} differs from {right.path} in {named}{more}",
        one.at(f"/{keys[0]}"),
        expected="; ".join(f"{key} {_shown(right, key)}" for key in keys[:_NAMED]),
        observed="; ".join(f"{key} {_shown(one, key)}" for key in keys[:_NAMED]),
        severity=None if keys[0] in _SHAPE else Severity.WARNING,
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


def _shown(config: AdapterConfig, key: str) -> str:
    if key not in config.raw:
        return "is not there"
    value = config.raw[key]
    if isinstance(value, list):
        return ", ".join(sorted(str(item) for item in value))
    return "null" if value is None else str(value)
