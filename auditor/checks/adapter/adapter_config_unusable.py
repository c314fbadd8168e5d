"""adapter_config.json holds a value with which PEFT cannot build or cannot use the adapter.

PEFT reads the method from `peft_type` (peft 0.21.2, config.py, `_get_peft_type`) and raises ValueError
for an `r` below 1 (tuners/lora/layer.py, `update_layer`); torch.nn.Dropout raises for a probability
outside 0 to 1; another `bias` than none, all or lora_only raises NotImplementedError
(tuners/tuners_utils.py); LoraConfig refuses `layers_to_transform` and `layers_pattern` beside a
`target_modules` that is a pattern (tuners/lora/config.py). With `lora_alpha` 0 the factor of every update
is 0 and the adapter changes nothing; with an infinite one it is no number.

Wrong when: a newer PEFT than 0.21.2 knows the method or accepts the type; files of other programs that
share the name (MLX, AdapterHub) are recognised by their keys and left alone.

Fix: write the file with `save_pretrained` of the training run again, or correct the value and state
where it comes from.

Bad:
    adapter_config.json: /r = 0

Good:
    # the pattern gives every module a rank of its own
    adapter_config.json: /r = 0
    adapter_config.json: /rank_pattern = {".*_proj": 8}
"""

import math
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._copies import with_copies
from auditor.checks._methods import declared_method, declares
from auditor.checks.adapter._loaded import LOADED
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.ERROR

_BIASES = frozenset({"none", "all"})
"""Besides these PEFT accepts every word that ends in ``_only`` (peft 0.21.2, tuners/tuners_utils.py)."""
_NAME = "adapter_config.json"


def check(config: AdapterConfig, recipe: Recipe | None, run: Run | None) -> Iterator[Problem | Skip]:
    """Look at the method first, then at the types, then at LoRA's ranges; other copies of the file are evidence."""
    yield from with_copies(_problems(config, recipe), run, config)


def _problems(config: AdapterConfig, recipe: Recipe | None) -> Iterator[Problem]:
    if config.raw.get("peft_type") is not None:
        for pointer, sentence in config.type_errors:
            if pointer.split("/")[1] in LOADED:
                yield Problem(sentence, config.at(pointer))
    if config.peft_type is None:
        yield from _no_method(config, recipe)
    elif not config.is_peft:
        as_declared = declared_method(recipe) in (None, config.peft_type.upper())
        wrong = recipe is not None and recipe.record and not as_declared
        yield Problem(
            f"`peft_type` is {config.peft_type!r}, which is not a method of PEFT 0.21.2",
            config.at("/peft_type"),
            evidence=() if as_declared else declares(recipe),
            severity=None if wrong else Severity.WARNING,
        )
    elif config.peft_type == "LORA":
        yield from _ranks(config)
        yield from _numbers(config)
        yield from _layers(config)


def _no_method(config: AdapterConfig, recipe: Recipe | None) -> Iterator[Problem]:
    declared = recipe.value("r") if recipe else None
    if {"architectures", "model_type"} <= config.keys:
        yield Problem(
            f"{_NAME} holds the configuration of a whole model (`model_type` "
            f"{config.raw['model_type']!r}), not of "
            "an adapter, so PEFT cannot load the folder",
            config.at(),
            expected="an object with `peft_type`",
            observed="`architectures` and `model_type`, no `peft_type`",
            evidence=(f"{recipe.path} declares an adapter of rank {declared}",)
            if recipe and declared
            else (),
        )
    elif {"r", "lora_alpha", "target_modules"} <= config.keys and config.raw.get("peft_type") is None:
        yield Problem(
            "`peft_type` is missing, so PEFT cannot tell which method the file configures",
            config.at("/peft_type"),
            expected="LORA",
            observed="null" if "peft_type" in config.keys else "no such key",
        )


def _ranks(config: AdapterConfig) -> Iterator[Problem]:
    if config.r is not None and config.r < 1 and not config.rank_pattern:
        yield Problem(
            f"`r` is {config.r}; PEFT refuses a rank below 1", config.at("/r"), "at least 1", str(config.r)
        )
    for pattern, rank in config.rank_pattern.items():
        if rank < 1:
            yield Problem(
                f"`rank_pattern` gives {pattern!r} the rank {rank}; PEFT refuses a rank below 1",
                config.at("/rank_pattern"),
                "at least 1",
                str(rank),
            )


def _layers(config: AdapterConfig) -> Iterator[Problem]:
    for key in ("layers_to_transform", "layers_pattern"):
        if isinstance(config.target_modules, str) and config.raw.get(key) is not None:
            yield Problem(
                f"`{key}` is given, and PEFT refuses it while `target_modules` is a string",
                config.at(f"/{key}"),
                "null",
                f"{config.raw[key]}",
            )


def _numbers(config: AdapterConfig) -> Iterator[Problem]:
    alpha, dropout = config.lora_alpha, config.lora_dropout
    if alpha == math.inf:
        yield Problem("`lora_alpha` is infinite", config.at("/lora_alpha"), "a finite number", "inf")
    if alpha is not None and not alpha > 0 and not config.alpha_pattern:
        mild = alpha < 0
        says = "turns every learned update around" if mild else "makes the adapter change nothing"
        yield Problem(
            f"`lora_alpha` is {alpha:g}, which {says}" if alpha == alpha else "`lora_alpha` is not a number",
            config.at("/lora_alpha"),
            "above 0",
            f"{alpha:g}",
            severity=Severity.WARNING if mild else None,
        )
    if dropout is not None and not 0 <= dropout < 1:
        yield Problem(
            f"`lora_dropout` is {dropout:g}, which is no share of activations that can be dropped in "
            "training",
            config.at("/lora_dropout"),
            "from 0 to below 1",
            f"{dropout:g}",
        )
    if config.bias is not None and config.bias not in _BIASES and not config.bias.endswith("_only"):
        yield Problem(
            f"`bias` is {config.bias!r}; PEFT knows none, all and lora_only",
            config.at("/bias"),
            "none, all or lora_only",
            config.bias,
        )
