"""The adapter's tensor names carry PEFT's prefix twice, so they fit no plain base model.

PEFT puts `base_model.model.` before the names of the model it wraps (peft 0.21.2, peft_model.py). Twice
means that a PeftModel was wrapped again before saving; loading the file onto the plain base finds none
of its modules.

Wrong when: the adapter is meant to be loaded onto a model that is itself wrapped in the same way.

Fix: save from the inner model, or rename the tensors by dropping one `base_model.model.`.

Bad:
    adapter_model.safetensors: tensor * renamed "base_model.model." -> "base_model.model.base_model.model."

Good:
    # another model's names, with the prefix once
    adapter_model.safetensors: tensor * renamed "model.language_model." -> "model."
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_weights import PREFIX, AdapterWeights
from auditor.checks._wording import counted
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(weights: AdapterWeights) -> Iterator[Problem]:
    """`AdapterWeights.pairs` takes the first prefix off; a second one is the finding."""
    doubled = [module for module in weights.pairs() if module.startswith(PREFIX)]
    if doubled:
        yield Problem(
            f"`{PREFIX}` stands twice before the names of {len(doubled)} of "
            f"{counted(len(weights.pairs()), 'module')}, so the adapter fits no plain base model",
            weights.at(doubled[0]),
            expected=doubled[0].removeprefix(PREFIX),
            observed=doubled[0],
        )
