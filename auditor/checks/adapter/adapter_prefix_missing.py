"""The adapter's tensor names are not those under which PEFT looks for them, so that loading finds none.

PEFT saves and loads under `base_model.model.` and the module's name (peft 0.21.2, utils/save_and_load.py). Measured
there: without that prefix, behind DDP's `module.` or with torch.compile's `_orig_mod.` in the middle no lora_B is
loaded, and the base model answers alone behind a warning about missing keys. They come from a `state_dict` that was
saved by hand.

With another adapter's name than `default` in its names (`lora_A.mine.weight`) PEFT 0.21.2 loads a LoRA under that name
alone, and 0.13.2 under none: a warning.

Wrong when: the adapter is meant for a program that loads bare names, such as diffusers, whose own names are left
alone.

Fix: save with `save_pretrained`, from the unwrapped model, or rename the tensors.

Bad:
    adapter_model.safetensors: tensor * renamed "base_model.model." -> ""

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts._peft_layout import MARKS, parts
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

_PREFIX = "base_model."
"""What all methods share: some keep tensors of all modules right below it (VeRA's projections)."""
_COMPILED = "._orig_mod."
_BARE = ("prompt_embeddings", "prefix_task_")
"""Prompt methods save their tensors without a prefix."""
_DIFFUSION = ("unet", "text_encoder", "transformer", "diffusion_model", "lora_unet", "lora_te", "denoiser")
"""How names begin that diffusers, kohya and their kin load without PEFT's prefix."""


def check(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """Only the method's own tensors count."""
    marks = MARKS.get(config.peft_type or "")
    if marks is None:
        if config.is_peft:
            yield Skip(f"the tensor names of {config.peft_type} are not known")
        return
    own = [part.info.name for part in parts(weights, marks)]
    wrong = [name for name in own if _is_lost(name)]
    named = {name: word for name in own if not _is_lost(name) and (word := _adapter_name(name))}
    if config.peft_type == "LORA" and named:
        yield _only_by_name(weights, named, len(own))
    if wrong:
        yield Problem(
            f"{len(wrong)} of {counted(len(own), 'tensor')} of {config.peft_type} have names that PEFT does not load, "
            f"first {wrong[0]}",
            weights.at(wrong[0]),
            expected="base_model.model. and the module's name",
            observed=wrong[0],
        )


def _only_by_name(weights: AdapterWeights, named: Mapping[str, str], of: int) -> Problem:
    first, word = next(iter(named.items()))
    return Problem(
        f"{len(named)} of {counted(of, 'tensor')} carry the adapter name {word!r}, without which PEFT does not load "
        "them",
        weights.at(first),
        expected=f"{first.removesuffix(f'.{word}.weight')}.weight",
        observed=first,
        severity=Severity.WARNING,
    )


def _adapter_name(name: str) -> str | None:
    """The word between a factor's mark and ``weight``, where it is not the name that PEFT itself gives."""
    *_, mark, word, end = ("", "", *name.split("."))
    return word if mark in ("lora_A", "lora_B") and end == "weight" and word != "default" else None


def _is_lost(name: str) -> bool:
    if name.startswith((*_BARE, *_DIFFUSION)) or ".lora." in name:
        return False
    return not name.startswith(_PREFIX) or _COMPILED in name
