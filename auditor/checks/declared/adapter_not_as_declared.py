"""The repository does not hold the kind of adapter that is declared.

`peft` and `tuner` say whether a PEFT adapter was to be trained and of which kind; `peft_type` in
adapter_config.json says what PEFT built (peft 0.13.2 and 0.21.2, peft_model.py, `save_pretrained`). Where
they differ, the files are of another run or the declaration is.

Wrong when: the adapter was merged into full weights, which is recognised by `merge_adapter` or by their files, or is
published elsewhere.

Fix: publish the files of the declared run, or correct `peft` and `tuner`.

Bad:
    cheetah-fine-tuning-config.json: /peft/tuner = "ia3"

Good:
    # LoRA on a quantized base is LoRA
    cheetah-fine-tuning-config.json: /peft/tuner = "qlora"
"""

from collections.abc import Iterator

from auditor.artifacts._peft_layout import methods_of
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._copies import odd_copy
from auditor.checks._methods import declared_method
from auditor.checks._wording import shown
from auditor.checks.adapter import adapter_tensors_differ_from_config
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.ERROR

_WHOLE = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Files of a whole model; platforms copy their configuration beside a merged one (ms-swift 4.6.0, model/utils.py)."""


def check(run: Run, recipe: Recipe) -> Iterator[Problem | Skip]:
    """Whether there is an adapter, then of which kind."""
    wanted, tuner = recipe.settings.get("peft"), recipe.settings.get("tuner")
    if wanted is None and tuner is None:
        yield Skip("the declaration says neither peft nor tuner")
        return
    config = run.one(AdapterConfig)
    if config is None:
        yield from _without_adapter(run, recipe)
        return
    if wanted is not None and wanted.meant is False and config.is_peft:
        yield Problem(
            f"peft is declared false, and {config.path} configures a {config.peft_type} adapter",
            Location(recipe.path, wanted.member),
            expected="no adapter",
            observed=config.peft_type,
            severity=None if recipe.record else Severity.WARNING,
        )
        return
    kind = declared_method(recipe)
    if tuner is None or kind is None:
        yield Skip("no tuner is declared that this rule knows")
    elif config.peft_type is None or config.peft_type.upper() == kind:
        return
    elif _is_configs_alone(run, config, kind):
        yield Skip(f"`peft_type` of {config.path} is wrong by itself, whatever was declared")
    else:
        yield Problem(
            f"tuner {shown(tuner.value)} is declared, and {config.path} says {config.peft_type}",
            Location(recipe.path, tuner.member),
            expected=kind,
            observed=config.peft_type,
            severity=None if recipe.record else Severity.WARNING,
        )


def _is_configs_alone(run: Run, config: AdapterConfig, kind: str) -> bool:
    """Whether a rule of the adapter says it: no method of PEFT, or the weights or another copy are as declared."""
    odd = odd_copy(run)
    if not config.is_peft or (odd is not None and odd.one is config and odd.right.peft_type == kind):
        return True
    weights = next((f.one(AdapterWeights) for f in run.folders if config in f.all(AdapterConfig)), None)
    if weights is None or kind not in methods_of(weights):
        return False
    found = adapter_tensors_differ_from_config.check(config, weights, None)
    return any(isinstance(item, Problem) for item in found)


def _without_adapter(run: Run, recipe: Recipe) -> Iterator[Problem | Skip]:
    wanted = recipe.settings.get("peft")
    if any(True for _ in run.blobs("adapter_config.json")):
        yield Skip("adapter_config.json was not read")
    elif not recipe.record:
        yield Skip("the configuration was handed in, and another run may have been made by it")
    elif recipe.value("merge_adapter"):
        yield Skip("the adapter was to be merged, which removes its files")
    elif recipe.documented and any(True for name in _WHOLE for _ in run.blobs(name)):
        yield Skip("a whole model lies in the run's folder, into which the adapter may have been merged")
    elif wanted is not None and wanted.meant is True:
        yield Problem(
            "peft is declared true, and the run holds no adapter_config.json",
            Location(recipe.path, wanted.member),
            expected="adapter_config.json and the adapter's weights",
            observed="neither in the run's folder nor in a checkpoint",
        )
