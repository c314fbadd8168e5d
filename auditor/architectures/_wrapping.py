"""Which modules of a base an adapter wraps, under the names that each generation of the library gives them."""

from collections.abc import Iterator

from auditor.architectures._parts import Module, Role
from auditor.architectures._structure import Structure, role_of, structures
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig

MOST_LOOKUPS = 500_000
"""Entries of rank_pattern times modules, above which the look-ups would take too long."""
_TASKS: dict[str, Role] = {
    "CAUSAL_LM": "causal",
    "SEQ_2_SEQ_LM": "conditional",
    "SEQ_CLS": "sequence",
    "TOKEN_CLS": "token",
    "QUESTION_ANS": "question",
    "FEATURE_EXTRACTION": "trunk",
}
"""Class that `AutoPeftModelFor...` and the usual scripts load for a task_type (peft 0.21.2, utils/peft_types.py)."""
_AROUND_TEXT = frozenset({"gemma3", "gemma3n"})
"""Multimodal types whose language model AutoModelForCausalLM loads alone in some releases."""


def trained_roles(base: BaseConfig, config: AdapterConfig) -> tuple[Role | None, ...]:
    """The classes that may have been trained, the likeliest first; None is the base's own.

    ``auto_mapping`` names the class, which may be none that is known; else task_type tells it, except that a
    multimodal base may be trained whole or as its language model alone.
    """
    if config.base_model_class is not None:
        role = role_of(config.base_model_class)
        return (role,) if role else ()
    task = _TASKS.get(config.task_type or "")
    if base.model_type in _AROUND_TEXT and task in (None, "causal"):
        return (None, "causal") if task else (None,)
    if task == "causal" and base.architectures and role_of(base.architectures[0]) == "conditional":
        return (None,)
    return (task,)


def candidates(
    base: BaseConfig, config: AdapterConfig, labels: int | None = None
) -> tuple[Structure, ...] | str:
    """The base in each class and generation that may have been trained, or why none is known."""
    found: list[Structure] = []
    reason = f"the modules of {config.base_model_class} are not known"
    for role in trained_roles(base, config):
        answer = structures(base, role, labels)
        if isinstance(answer, str):
            reason = answer
        else:
            found.extend(answer)
    return tuple(found) or reason


def undecidable(structure: Structure, config: AdapterConfig) -> str | None:
    """Why it cannot be told which modules are wrapped, as a sentence; None when it can."""
    if len(config.rank_pattern) * len(structure.modules) > MOST_LOOKUPS:
        return "rank_pattern has too many entries to follow"
    if isinstance(config.target_modules, str) and config.pattern_problem is not None:
        return f"target_modules {config.pattern_problem}"
    return None


def wrapped(structure: Structure, config: AdapterConfig) -> tuple[Module, ...]:
    """The linear, embedding and convolution modules in scope of target_modules; see `undecidable` first."""
    return tuple(module for module in structure.modules if module.name and config.targets(module.name))


def saved_copies(structure: Structure, config: AdapterConfig) -> Iterator[Module]:
    """Modules that modules_to_save trains whole, beside the frozen original.

    PEFT copies every module whose name ends with an entry, ``pre_classifier`` for ``classifier`` too, with all that is
    inside (peft 0.13.2 and 0.21.2, utils/other.py ``_set_trainable``).
    """
    endings = config.modules_to_save
    for module in structure.modules if endings else ():
        if module.name and any(path.endswith(endings) for path in _paths(module.name)):
            yield module


def _paths(name: str) -> Iterator[str]:
    """The module's path and those of all that holds it."""
    while name:
        yield name
        name = name.rpartition(".")[0]
