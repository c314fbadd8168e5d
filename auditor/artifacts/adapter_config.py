"""adapter_config.json: what PEFT was told to build, read without PEFT and without guessing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import Fields, describe, is_number, member
from auditor.artifacts._module_patterns import (
    first_matching_key,
    layer_index,
    listed,
    matches_pattern,
    pattern_problem,
    within,
)
from auditor.artifacts.versions import peft_methods
from auditor.model import Blob, Fact

ENTRY_LIMIT = 10_000
"""Most entries of rank_pattern or alpha_pattern that are looked at; a model has far fewer modules."""
DEFAULT_RANK = 8
"""`r` when the key is absent (peft 0.13.2 and 0.21.2, tuners/lora/config.py)."""
DEFAULT_ALPHA = 8.0
"""`lora_alpha` when the key is absent (peft 0.13.2 and 0.21.2, tuners/lora/config.py)."""
_SETS = ("target_modules", "modules_to_save", "exclude_modules")

Names = frozenset[str] | str | None
"""A list of names as a set, a regular expression (or ``all-linear``) as it is, None when not given."""


@dataclass(frozen=True, slots=True)
class AdapterConfig(Artifact):
    """One adapter_config.json. A value of the wrong type is None here and a sentence in ``type_errors``.

    Other programs use this file name too (MLX, AdapterHub, a model's own configuration saved under the wrong
    name): those parse with ``peft_type`` None and ``is_peft`` False.
    """

    patterns: ClassVar[tuple[str, ...]] = ("adapter_config.json",)
    path: str
    raw: Mapping[str, object]
    keys: frozenset[str]
    peft_type: str | None = None
    r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    bias: str | None = None
    task_type: str | None = None
    target_modules: Names = None
    target_order: tuple[str, ...] = ()
    exclude_modules: Names = None
    base_model_name_or_path: str | None = None
    revision: str | None = None
    init_lora_weights: bool | str | None = None
    loftq_config: Mapping[str, object] = field(default_factory=dict)
    auto_mapping: Mapping[str, object] | None = None
    base_model_class: str | None = None
    parent_library: str | None = None
    modules_to_save: tuple[str, ...] = ()
    use_rslora: bool = False
    use_dora: bool = False
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    inference_mode: bool | None = None
    fan_in_fan_out: bool | None = None
    layers_to_transform: tuple[int, ...] | None = None
    layers_pattern: tuple[str, ...] = ()
    peft_version: str | None = None
    type_errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read any JSON object of that name. Raises CannotRead."""
        return cls.of(blob.path, read_json_object(blob))

    @classmethod
    def of(cls, path: str, raw: Mapping[str, object]) -> Self:
        """A configuration as it is when a file at ``path`` holds this object."""
        read = Fields(raw)
        auto = read.mapping("auto_mapping")
        auto_fields = Fields(auto, "/auto_mapping")
        alpha, dropout = read.number("lora_alpha"), read.number("lora_dropout")
        return cls(
            path=path,
            raw=raw,
            keys=frozenset(raw),
            peft_type=read.text("peft_type"),
            r=read.integer("r"),
            lora_alpha=None if alpha is None else float(alpha),
            lora_dropout=None if dropout is None else float(dropout),
            bias=read.text("bias"),
            task_type=read.text("task_type"),
            target_modules=_names(read, "target_modules"),
            target_order=_order(raw.get("target_modules")),
            exclude_modules=_names(read, "exclude_modules"),
            base_model_name_or_path=read.text("base_model_name_or_path"),
            revision=read.text("revision"),
            init_lora_weights=_init(read),
            loftq_config=read.mapping("loftq_config"),
            auto_mapping=auto if isinstance(raw.get("auto_mapping"), dict) else None,
            base_model_class=auto_fields.text("base_model_class"),
            parent_library=auto_fields.text("parent_library"),
            modules_to_save=read.texts("modules_to_save"),
            use_rslora=bool(read.boolean("use_rslora")),
            use_dora=bool(read.boolean("use_dora")),
            rank_pattern=_ranks(read),
            alpha_pattern=_alphas(read),
            inference_mode=read.boolean("inference_mode"),
            fan_in_fan_out=read.boolean("fan_in_fan_out"),
            layers_to_transform=_layers(read),
            layers_pattern=read.texts("layers_pattern"),
            peft_version=read.text("peft_version"),
            type_errors=(*read.errors, *auto_fields.errors),
        )

    @property
    def is_peft(self) -> bool:
        """Whether ``peft_type`` names a method that some release of PEFT knows."""
        return self.peft_type in peft_methods()

    @property
    def pattern_problem(self) -> str | None:
        """Why the regular expression of ``target_modules`` is not matched; None when it is, or is a list."""
        return pattern_problem(self.target_modules) if isinstance(self.target_modules, str) else None

    def rank_of(self, module: str) -> int | None:
        """One module's rank: from `rank_pattern`, else `r`, else PEFT's default of 8 for an absent key."""
        key = first_matching_key(self.rank_pattern, module)
        if key is not None:
            return self.rank_pattern[key]
        return DEFAULT_RANK if "r" not in self.keys else self.r

    def alpha_of(self, module: str) -> float | None:
        """The ``lora_alpha`` of one module, chosen as `rank_of` chooses."""
        key = first_matching_key(self.alpha_pattern, module)
        if key is not None:
            return self.alpha_pattern[key]
        return DEFAULT_ALPHA if "lora_alpha" not in self.keys else self.lora_alpha

    def scaling_of(self, module: str) -> float:
        """The factor of B A: alpha/r, or alpha/sqrt(r) with rsLoRA; NaN when the file does not tell.

        Source: peft 0.21.2, tuners/lora/layer.py, `update_layer`.
        """
        rank, alpha = self.rank_of(module), self.alpha_of(module)
        if rank is None or alpha is None or rank < 1:
            return math.nan
        return alpha / math.sqrt(rank) if self.use_rslora else alpha / rank

    def targets(self, module: str) -> bool | None:
        """Whether PEFT would wrap a module of that name; None when it cannot be told (see `pattern_problem`).

        Source: peft 0.21.2, tuners/tuners_utils.py, `check_target_module_exists`.
        """
        excluded = _matches(self.exclude_modules, module)
        if excluded is not False or within(self.modules_to_save, module):
            return None if excluded is None else False
        found = _matches(self.target_modules, module)
        if not found or isinstance(self.target_modules, str) or not self.layers_to_transform:
            return found
        return layer_index(self.layers_pattern, module) in self.layers_to_transform

    def facts(self) -> Mapping[str, Fact]:
        """Every key of the file; lists that PEFT writes from sets compare as sets."""
        return {key: Fact(_as_set(value) if key in _SETS else value) for key, value in self.raw.items()}


def _matches(names: Names, module: str) -> bool | None:
    if names is None:
        return False
    return matches_pattern(names, module) if isinstance(names, str) else listed(names, module)


def _as_set(value: object) -> object:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    return value


def _order(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _names(read: Fields, key: str) -> Names:
    value = read.raw.get(key)
    if value is None or isinstance(value, str):
        return value
    names = read.texts(key)
    return frozenset(names) if isinstance(value, list) else None


def _init(read: Fields) -> bool | str | None:
    value = read.raw.get("init_lora_weights")
    if value is None or isinstance(value, bool | str):
        return value
    read.wrong("init_lora_weights", "a boolean or a string")
    return None


def _layers(read: Fields) -> tuple[int, ...] | None:
    value = read.raw.get("layers_to_transform")
    items = value if isinstance(value, list) else [] if value is None else [value]
    found = tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))
    if len(found) != len(items):
        read.wrong("layers_to_transform", "an integer or an array of integers")
        return None
    return None if value is None else found


def _numbers(read: Fields, key: str) -> dict[str, int | float]:
    """The numeric entries of an object of numbers; AdaLoRA's rank_pattern (lists of booleans) gives none."""
    entries = read.mapping(key)
    if len(entries) > ENTRY_LIMIT:
        read.errors.append(
            (member(key), f"`{key}` has {len(entries)} entries, expected at most {ENTRY_LIMIT}")
        )
        return {}
    found = {name: value for name, value in entries.items() if is_number(value)}
    if read.raw.get("peft_type") != "ADALORA":
        read.errors.extend(
            (member(name, member(key)), f"`{name}` in `{key}` is {describe(value)}, expected a number")
            for name, value in entries.items()
            if name not in found
        )
    return found


def _ranks(read: Fields) -> Mapping[str, int]:
    found = _numbers(read, "rank_pattern")
    return {name: int(value) for name, value in found.items() if isinstance(value, int) or value.is_integer()}


def _alphas(read: Fields) -> Mapping[str, float]:
    return {name: float(value) for name, value in _numbers(read, "alpha_pattern").items()}
