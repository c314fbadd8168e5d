"""A base model's modules in each generation of the library that builds them differently."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import get_args

import auditor.architectures as package
from auditor.architectures._names import module_key
from auditor.architectures._parts import Build, Module, Role, Tower
from auditor.artifacts._model_settings import UnknownSettingError
from auditor.artifacts.base_config import BaseConfig

MODULE_LIMIT = 200_000
"""Most modules of a model that are believed; bounds what a hostile config.json can ask for."""
_ROLES: tuple[tuple[str, Role], ...] = (
    ("ForCausalLM", "causal"),
    ("LMHeadModel", "causal"),
    ("ForConditionalGeneration", "conditional"),
    ("ForSequenceClassification", "sequence"),
    ("ForImageClassification", "image"),
    ("ForTokenClassification", "token"),
    ("ForQuestionAnswering", "question"),
    ("ForMaskedLM", "masked"),
    ("ForPreTraining", "pretraining"),
    ("Model", "trunk"),
)


@dataclass(frozen=True, slots=True)
class Structure:
    """The modules of one model in one generation of transformers ("" when all verified ones agree)."""

    generation: str
    modules: tuple[Module, ...]
    tied: bool | None
    main_input: str = "input_ids"
    """The input whose elements the Trainer counts as tokens (``main_input_name`` of the class)."""

    @property
    def linears(self) -> tuple[Module, ...]:
        """Every linear module, the output head too whether tied or not."""
        return tuple(module for module in self.modules if module.is_linear)

    @property
    def is_complete(self) -> bool:
        """Whether no part of the model is opaque, so that parameters can be counted."""
        return all(module.kind != "opaque" for module in self.modules)

    @property
    def non_embedding(self) -> int:
        """What ``num_parameters(exclude_embeddings=True)`` counts, the factor of total_flos."""
        return sum(module.elements for module in self.modules if module.kind != "embedding")

    @property
    def total(self) -> int:
        """Every parameter once (a tied head is its embedding)."""
        return sum(module.elements for module in self.modules)

    def elements(self, tower: Tower) -> int:
        """Parameters of one tower outside embeddings."""
        return sum(m.elements for m in self.modules if m.tower == tower and m.kind != "embedding")

    @property
    def head(self) -> Module | None:
        """The output matrix over the vocabulary; None for a class without one."""
        return next((module for module in self.modules if module.tower == "head"), None)

    def by_key(self) -> Mapping[tuple[Tower, str], Module]:
        """Modules by `module_key`, to look up names of any release."""
        named = (module for module in self.modules if module.name and module.kind != "opaque")
        return {module_key(module.name): module for module in named}


def role_of(cls: str) -> Role | None:
    """``causal`` of LlamaForCausalLM; None for a kind of class that is not known."""
    return next((role for suffix, role in _ROLES if cls.endswith(suffix)), None)


def structures(
    base: BaseConfig, role: Role | None = None, labels: int | None = None
) -> tuple[Structure, ...] | str:
    """The model in every generation that differs, or why it is not known (the end of a sentence).

    ``role`` is the class that was trained, by default the base's own; ``labels`` the classes of a classifier.
    """
    return _structures(_Same(base), role, labels)


class _Same:
    """A configuration by identity: its mappings have no hash, and one object never changes."""

    def __init__(self, base: BaseConfig) -> None:
        self.base = base

    def __hash__(self) -> int:
        return id(self.base)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.base is self.base


@lru_cache(maxsize=32)
def _structures(same: _Same, role: Role | None, labels: int | None) -> tuple[Structure, ...] | str:
    base = same.base
    name = (base.model_type or "").replace("-", "_")
    if name not in _families():
        return f"the modules of model type {base.model_type or 'null'} are not known"
    wanted = role or _own_role(base)
    if wanted is None:
        return f"the modules of {', '.join(base.architectures) or 'a class without name'} are not known"
    family = importlib.import_module(f"{package.__name__}.{name}")
    main_input = getattr(family, "MAIN_INPUT", "input_ids")
    found: list[Structure] = []
    try:
        for generation in getattr(family, "GENERATIONS", ("",)):
            build = Build(wanted, generation, base.tie_word_embeddings, labels or _labels(base))
            modules = tuple(islice(family.modules(base.settings, build), MODULE_LIMIT + 1))
            if len(modules) > MODULE_LIMIT:
                return "the model would have more modules than any known one"
            if not found or modules != found[-1].modules:
                found.append(Structure(generation, modules, base.tie_word_embeddings, main_input))
    except UnknownSettingError as error:
        return f"the shape of this {base.model_type} model is not known: {error}"
    return tuple(found)


@cache
def _families() -> frozenset[str]:
    found = (info.name for info in pkgutil.iter_modules(package.__path__))
    return frozenset(name for name in found if not name.startswith("_"))


def _own_role(base: BaseConfig) -> Role | None:
    if not base.architectures:
        # Every known type is published as a language model, but for these.
        return _WITHOUT_NAME.get(base.model_type or "", "causal")
    return role_of(base.architectures[0])


_WITHOUT_NAME: Mapping[str, Role] = {
    "bert": "trunk",
    "clip": "trunk",
    "deberta-v2": "trunk",
    "distilbert": "trunk",
    "gemma3": "conditional",
    "gemma3n": "conditional",
    "mt5": "conditional",
    "qwen2_5_vl": "conditional",
    "qwen2_vl": "conditional",
    "roberta": "trunk",
    "t5": "conditional",
    "vit": "trunk",
    "whisper": "conditional",
    "xlm-roberta": "trunk",
}


def _labels(base: BaseConfig) -> int:
    """num_labels: the entries of id2label, two by default (PretrainedConfig)."""
    names = base.raw.get("id2label")
    return len(names) if isinstance(names, dict) and names else 2


def towers(modules: tuple[Module, ...]) -> Iterator[tuple[Tower, int]]:
    """How many modules each tower has: text first, whatever stands first in the model."""
    found: dict[Tower, int] = {}
    for module in modules:
        found[module.tower] = found.get(module.tower, 0) + 1
    yield from ((tower, found[tower]) for tower in get_args(Tower) if tower in found)
