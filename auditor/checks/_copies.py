"""The copies of adapter_config.json in one run: which of them stands alone, and what the others say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._base_names import same_model
from auditor.checks._once import once
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SHAPE = (
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
NAMED = 4
"""Keys that one sentence names."""


@dataclass(frozen=True, slots=True)
class Odd:
    """The copy that stands alone, the keys in which it does (those of `SHAPE` first), and one of the others."""

    one: AdapterConfig
    keys: tuple[str, ...]
    right: AdapterConfig

    def says(self, keys: Iterable[str]) -> tuple[str, ...]:
        """What the other copy says of those of the keys that differ, as one line of evidence; else nothing."""
        told = [f"{key} {value_of(self.right, key)}" for key in keys if key in self.keys]
        return (f"{self.right.path} says {'; '.join(told[:NAMED])}",) if told else ()


@once
def odd_copy(run: Run) -> Odd | None:
    """The copy that differs from that of the best checkpoint where the state names one, else from that of the last."""
    right = _checkpoint(run)
    others = [item for item in run.all(AdapterConfig) if item is not right]
    if right is None or not others:
        return None
    # Where all others agree against it, the last checkpoint's own copy is the odd one.
    against = len(others) > 1 and all(_differing(item, right) for item in others)
    if against and not any(_differing(item, others[0]) for item in others[1:]):
        right, others = others[0], [right]
    found = ((item, _differing(item, right)) for item in others)
    return next((Odd(item, tuple(keys), right) for item, keys in found if keys), None)


def with_copies(
    items: Iterable[Problem | Skip], run: Run | None, config: AdapterConfig, keys: Sequence[str] = ()
) -> Iterator[Problem | Skip]:
    """Problems of one file with what the run's other copies say of these keys, or of the key that each points at.

    An excuse that a finding leaves open does not hold where another copy of the same run says otherwise: it is an
    error then, as the difference alone would be.
    """
    for item in items:
        odd = odd_copy(run) if run is not None and isinstance(item, Problem) else None
        if odd is None or odd.one is not config or not isinstance(item, Problem):
            yield item
            continue
        concerned = keys or (key_of(item),)
        lines, grave = odd.says(concerned), {*concerned} & {*odd.keys} & {*SHAPE}
        severity = Severity.ERROR if grave else item.severity
        yield replace(item, evidence=(*item.evidence, *lines), severity=severity)


def key_of(item: Problem) -> str:
    """The key of a JSON object in which a problem's place lies; "" when it is the whole file."""
    return (item.at.member or "").strip("/").partition("/")[0]


def value_of(config: AdapterConfig, key: str) -> str:
    """A key's value in a sentence."""
    if key not in config.raw:
        return "is not there"
    value = config.raw[key]
    if isinstance(value, list):
        return ", ".join(sorted(str(item) for item in value))
    return "null" if value is None else str(value)


def _checkpoint(run: Run) -> AdapterConfig | None:
    state = run.latest(TrainerState)
    wanted = state.best_checkpoint if state else None
    configs = [(name_of(folder.path), folder.one(AdapterConfig)) for folder in run.checkpoints]
    found = [(name, config) for name, config in configs if config is not None]
    named = next((config for name, config in found if name == wanted), None)
    return named or (found[-1][1] if found else None)


def _differing(one: AdapterConfig, right: AdapterConfig) -> list[str]:
    """The keys in which two copies differ, those that shape the adapter first."""
    # AdaLoRA gives ranks away while it trains and keeps who has how many in rank_pattern.
    moving = {"rank_pattern"} if one.peft_type == right.peft_type == "ADALORA" else set[str]()
    keys = [key for key in (*SHAPE, *_MILD) if key not in moving and not _same(key, one, right)]
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
