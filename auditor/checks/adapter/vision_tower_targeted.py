r"""LoRA is applied to the vision tower although the declared data has no images.

A text-only run gives the vision tower no gradient: its lora_B stay exactly zero and its share of the
adapter is dead weight that is loaded, saved and counted all the same (measured with transformers 4.51.3
and peft 0.13.2). The usual cause is `all-linear`, or names such as q_proj that
the language model and the tower share: PEFT takes every module whose name ends so (peft 0.21.2,
tuners/tuners_utils.py, `check_target_module_exists`).

Wrong when: the dataset has an image column that the declared config does not mention.

Fix: restrict the targets to the language model, for example with the pattern
`.*language_model.*\.(q|k|v|o|gate|up|down)_proj`.

Bad:
    base: tiny
    adapter_config.json: /target_modules = ".*\\.(q_proj|k_proj|v_proj)"

Good:
    base: tiny
    # the data has images
    adapter_config.json: /target_modules = ".*\\.(q_proj|k_proj|v_proj)"
    cheetah-fine-tuning-config.json: /train_model_parameters/column_mappings/image_column = "picture"
"""

from collections.abc import Iterator

from auditor.architectures._parts import Module
from auditor.architectures._wrapping import candidates, undecidable, wrapped
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING

_TOWER_ONLY = frozenset({"fc1", "fc2", "out_proj"})
"""Module names of SigLIP that no language part of these models has (transformers, models/siglip)."""
_SIGLIP_CLASSES = frozenset({"Gemma3ForConditionalGeneration", "PaliGemmaForConditionalGeneration"})


def check(config: AdapterConfig, recipe: Recipe, base: BaseConfig | None) -> Iterator[Problem | Skip]:
    """The declared config must name a text column and nothing that looks like images."""
    if config.peft_type != "LORA":
        return
    if recipe.value("text_column") is None:
        yield Skip("the declared config does not name the column of the text")
        return
    if _mentions_images(recipe.raw):
        return
    yield from _by_base(config, recipe, base) if base and base.is_multimodal else _by_name(config)


def _by_base(config: AdapterConfig, recipe: Recipe, base: BaseConfig) -> Iterator[Problem | Skip]:
    hit = _vision(config, base)
    if hit is None:
        yield from _by_name(config)
        return
    if isinstance(hit, Skip):
        yield hit
        return
    if not hit:
        return
    share = sum(module.lora_parameters(config.rank_of(module.name) or 0) for module in hit)
    yield Problem(
        f"LoRA is applied to {counted(len(hit), 'module')} of the vision tower, and the declared data "
        "is text only",
        config.at("/target_modules"),
        expected="modules of the language model only",
        observed=f"{counted(len(hit), 'vision module')} with {share:,} LoRA parameters",
        evidence=(
            f"{recipe.path} names the text column {recipe.value('text_column')!r} and no image column",
            f"the vision modules are those of the base's configuration ({base.path})",
        ),
    )


def _by_name(config: AdapterConfig) -> Iterator[Problem]:
    """Without the base's shape: only names that exist nowhere else, in a class that has a tower."""
    names = config.target_modules
    if not isinstance(names, frozenset) or config.base_model_class not in _SIGLIP_CLASSES:
        return
    hit = sorted(names & _TOWER_ONLY)
    if hit:
        yield Problem(
            f"`target_modules` names {', '.join(hit)}, which only the vision tower of "
            f"{config.base_model_class} has, and the declared data is text only",
            config.at("/target_modules"),
            expected="modules of the language model only",
            observed=", ".join(hit),
        )


def _vision(config: AdapterConfig, base: BaseConfig) -> tuple[Module, ...] | Skip | None:
    """The wrapped modules of the vision tower, in the first release that has any; None when the tower is not known."""
    found = candidates(base, config)
    if isinstance(found, str) or not all(structure.is_complete for structure in found):
        return None
    if any(undecidable(structure, config) for structure in found):
        return Skip(f"`target_modules` {config.pattern_problem or 'cannot be followed'}")
    ways = (tuple(m for m in wrapped(s, config) if m.tower == "vision" and m.is_linear) for s in found)
    return next((way for way in ways if way), ())


def _mentions_images(value: object) -> bool:
    if isinstance(value, dict):
        named = any("image" in key.lower() or "pixel" in key.lower() for key, item in value.items() if item)
        return named or any(_mentions_images(item) for item in value.values() if isinstance(item, dict))
    return False
