"""The adapter's tensors are not those that the method and sizes in adapter_config.json give.

PEFT builds the method that `peft_type` names, with the sizes of the configuration, and then loads the tensors by
name (peft 0.21.2, utils/save_and_load.py, `set_peft_model_state_dict`): a tensor of another size stops the loading,
a missing one leaves its part of the module as it was initialised, and tensors of another method are ignored, so
that the base model answers alone. The sizes of LoRA are the matter of `lora-rank-mismatch`.

Wrong when: a newer PEFT than 0.21.2 builds the method in another way.

Fix: commit weights and adapter_config.json from the same `save_pretrained`.

Bad:
    adapter_config.json: /peft_type = "LOHA"

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts._module_patterns import layer_index
from auditor.artifacts._peft_layout import MARKS, Part, expected_shape, methods_of, missing, parts
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._copies import with_copies
from auditor.checks._methods import declared_method, declares
from auditor.checks._wording import counted, joined, shown
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.ERROR

_KEYS = ("peft_type", "r", "rank_pattern", "target_modules", "layer_replication")
"""Keys of adapter_config.json that this rule holds against the tensors."""

_NAMED_OTHERWISE = ("LORA", "ADAPTION_PROMPT")
"""LoRA's targets are weighed by the ledger's evidence; an adaption prompt's word is the end of a name, no pattern."""
_OTHER_TRAINERS = (".lora.", "lora_unet_", "lora_te")
"""Parts of names that diffusers and kohya give, which PEFT translates when it loads them."""


def check(config: AdapterConfig, weights: AdapterWeights, run: Run | None) -> Iterator[Problem | Skip]:
    """The method's tensors first; then whether each module has all of them, in the sizes of the configuration."""
    yield from with_copies(_problems(config, weights, run.recipe if run else None), run, config, _KEYS)


def _problems(
    config: AdapterConfig, weights: AdapterWeights, recipe: Recipe | None
) -> Iterator[Problem | Skip]:
    if not config.is_peft or config.peft_type is None or not weights.tensors:
        return
    marks = MARKS.get(config.peft_type)
    if marks is None or any(word in name for name in weights.tensors for word in _OTHER_TRAINERS):
        what = config.peft_type if marks is None else "another trainer than PEFT"
        yield Skip(f"the tensor names of {what} are not known")
        return
    own = list(parts(weights, marks))
    if not own:
        yield _none(config, weights, recipe)
        return
    if not config.raw.get("arrow_config"):
        yield from _incomplete(config, weights, own)
    yield from _sizes(config, weights, own)
    yield from _replicated(config, weights, own)
    if config.peft_type not in _NAMED_OTHERWISE and config.target_modules is not None:
        yield from _untargeted(config, weights, own)


def _untargeted(config: AdapterConfig, weights: AdapterWeights, own: Sequence[Part]) -> Iterator[Problem]:
    """Of LoRA the ledger's evidence says it (rank-from-tensors)."""
    modules = dict.fromkeys(part.module for part in own if part.module)
    strange = [module for module in modules if config.targets(module) is False]
    if strange:
        yield Problem(
            f"{len(strange)} of {counted(len(modules), 'module')} are none that `target_modules` names, first "
            f"{strange[0]}",
            weights.at(strange[0]),
            expected=f"modules of `target_modules` {shown(config.raw.get('target_modules'))}",
            observed=strange[0],
        )


def _replicated(config: AdapterConfig, weights: AdapterWeights, own: Sequence[Part]) -> Iterator[Problem]:
    """`layer_replication` lists ranges of layers, end not included, that make up the model (tuners/lora/model.py)."""
    ranges = config.raw.get("layer_replication")
    if not isinstance(ranges, list) or not ranges:
        return
    pairs = [item for item in ranges if isinstance(item, list) and len(item) == 2]
    if len(pairs) != len(ranges) or not all(isinstance(end, int) for pair in pairs for end in pair):
        return
    total = sum(end - start for start, end in pairs)
    beyond = [(index, p) for p in own if (index := layer_index((), p.module)) is not None and index >= total]
    if beyond:
        index, part = max(beyond, key=lambda item: item[0])
        yield Problem(
            f"`layer_replication` makes {total} layers, and the file holds a module of layer {index}",
            weights.at(part.info.name),
            expected=f"layers 0 to {total - 1}",
            observed=f"layer {index}",
        )


def _none(config: AdapterConfig, weights: AdapterWeights, recipe: Recipe | None) -> Problem:
    others = sorted(methods_of(weights) - {"ADALORA"})
    found = f"the names of {joined(others, 'or')}" if others else next(iter(weights.tensors))
    return Problem(
        f"`peft_type` is {config.peft_type}, and none of the {counted(len(weights.tensors), 'tensor')} is of that "
        "method",
        weights.at(next(iter(weights.tensors))),
        expected=f"tensors of {config.peft_type}",
        observed=found,
        evidence=declares(recipe) if declared_method(recipe) in others else (),
    )


def _incomplete(config: AdapterConfig, weights: AdapterWeights, own: Sequence[Part]) -> Iterator[Problem]:
    marks: dict[str, set[str]] = {}
    for part in own:
        if part.module:
            marks.setdefault(part.module, set()).add(part.mark)
    lacking = {module: gap for module, found in marks.items() if (gap := missing(config, frozenset(found)))}
    if lacking:
        module, gap = next(iter(lacking.items()))
        yield Problem(
            f"{len(lacking)} of {counted(len(marks), 'module')} have only some of the tensors of "
            f"{config.peft_type}, first {module} without {joined(gap)}",
            weights.at(module),
            expected=joined(gap),
            observed=joined(sorted(marks[module])),
        )


def _sizes(config: AdapterConfig, weights: AdapterWeights, own: Sequence[Part]) -> Iterator[Problem]:
    wrong = [(part, expected) for part in own if (expected := expected_shape(config, part)) is not None]
    if wrong:
        part, expected = wrong[0]
        yield Problem(
            f"adapter_config.json gives another size for {len(wrong)} of {counted(len(own), 'tensor')} of "
            f"{config.peft_type}, first {part.info.name}",
            weights.at(part.info.name),
            expected=expected,
            observed=str(tuple(part.info.shape)),
        )
