"""Declared "all-linear" or null target_modules against the base's own linear modules.

PEFT expands ``all-linear`` to every nn.Linear and Conv1D but the output embedding and the head of a classifier (peft
0.13.2 and 0.21.2, tuners/tuners_utils.py ``_maybe_include_all_linear_layers``; up to 0.14 by the last part of their
names, which leaves a head in that lies inside ``language_model``), and null to a list of its own for the model type
(utils/constants.py ``TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING``). What PEFT wrote into adapter_config.json
must then match every linear module that the base's configuration gives. Platforms may expand the word themselves and
leave towers out, so only a language model's own module that is missing contradicts, and only where the base is at hand.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from auditor.architectures._parts import Module
from auditor.architectures._structure import Structure
from auditor.architectures._wrapping import candidates, undecidable
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.claims import Ledger
from auditor.evidence._say import contradicted, count, unverifiable, verified
from auditor.model import Evidence
from auditor.recipes._base import Stated
from auditor.runs import Run

CLAIM = "target_modules"
_WORDS = ("all-linear", "all")
_TABLE = Path(__file__).with_name("_peft_default_targets.json")
_ROUTERS = frozenset({"gate", "shared_expert_gate"})
"""Linear modules of mixtures that platforms leave out on purpose."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test target_modules where the declaration is a word for "everything", or null."""
    config, base = run.one(AdapterConfig), run.base
    stated = run.recipe.settings.get(CLAIM) if run.recipe else None
    if run.recipe is None or stated is None or config is None or base is None or config.peft_type != "LORA":
        return
    paths = (config.path, run.recipe.path)
    if stated.meant is None:
        yield from _by_default(base, config, paths)
    elif isinstance(stated.meant, str) and stated.meant.lower() in _WORDS:
        yield _everything(stated, base, config, paths)


def _by_default(base: BaseConfig, config: AdapterConfig, paths: tuple[str, ...]) -> Iterator[Evidence]:
    lists = _defaults().get(base.model_type or "")
    if not lists or not isinstance(config.target_modules, frozenset):
        return
    if any(config.target_modules == frozenset(names) for names in lists):
        says = (
            f"null means what PEFT wraps in a {base.model_type} by default, and adapter_config.json lists it"
        )
        yield verified(CLAIM, says, "", sorted(config.target_modules), *paths)
    else:
        says = f"null is declared, and adapter_config.json lists not what PEFT wraps in a {base.model_type} by default"
        yield unverifiable(CLAIM, says, *paths)


def _everything(stated: Stated, base: BaseConfig, config: AdapterConfig, paths: tuple[str, ...]) -> Evidence:
    found = candidates(base, config)
    if isinstance(found, str):
        return unverifiable(CLAIM, f"{stated.value} cannot be expanded: {found}", *paths)
    reason = next((words for structure in found if (words := undecidable(structure, config))), None)
    if reason is not None:
        return unverifiable(CLAIM, f"{stated.value} cannot be expanded: {reason}", *paths)
    missing = [(structure, _missing(structure, config)) for structure in found]
    whole = next((structure for structure, modules in missing if not modules), None)
    if whole is not None:
        return _complete(stated, whole, config, paths)
    structure, modules = min(missing, key=lambda pair: len(pair[1]))
    return _incomplete(stated, structure, modules, base, paths)


def _complete(
    stated: Stated, structure: Structure, config: AdapterConfig, paths: tuple[str, ...]
) -> Evidence:
    number = sum(module.tower not in ("head", "task") for module in structure.linears)
    left = sum(_left_out(config, module.name) for module in structure.linears)
    says = f"{stated.value} means {count(number, 'linear module')} of this base, and LoRA is on every one"
    says += f" but {left} that `exclude_modules` names" if left else ""
    head = structure.head
    if head is not None and config.targets(head.name):
        says += ", and on the output head, which PEFT leaves out unless it is nested (0.14 and older)"
    return verified(CLAIM, says, "", number, *paths)


def _incomplete(
    stated: Stated,
    structure: Structure,
    modules: Sequence[Module],
    base: BaseConfig,
    paths: tuple[str, ...],
) -> Evidence:
    own = [m for m in modules if m.tower == "text" and m.name.rpartition(".")[2] not in _ROUTERS]
    names = ", ".join(sorted({module.name.rpartition(".")[2] for module in own or modules})[:8])
    says = f"{stated.value} is declared, and {count(len(modules), 'linear module')} of this base have no LoRA: {names}"
    if not own or base.known is not None or not structure.is_complete:
        return unverifiable(CLAIM, f"{says}; the platform may have left them out", *paths)
    return contradicted(CLAIM, says, "", names, *paths)


def _missing(structure: Structure, config: AdapterConfig) -> tuple[Module, ...]:
    """Linear modules that the word means and the adapter does not wrap; trained copies need no LoRA.

    Where the targets name a module, the word was expanded, and `exclude_modules` is another setting.
    """
    copied = config.modules_to_save
    return tuple(
        module
        for module in structure.linears
        if module.tower not in ("head", "task")
        and not config.targets(module.name)
        and not _left_out(config, module.name)
        and not any(f".{name}." in f".{module.name}." for name in copied)
    )


def _left_out(config: AdapterConfig, module: str) -> bool:
    """Whether `exclude_modules` alone keeps a target from being wrapped."""
    listed = replace(config, exclude_modules=None)
    return config.targets(module) is False and listed.targets(module) is True


@cache
def _defaults() -> Mapping[str, Sequence[Sequence[str]]]:
    found: Mapping[str, Sequence[Sequence[str]]] = json.loads(_TABLE.read_text())["types"]
    return found
