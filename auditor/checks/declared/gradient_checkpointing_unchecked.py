"""Gradient checkpointing is declared, and no tensor could be read to show that gradients arrived.

Switched on after `get_peft_model`, reentrant checkpointing cuts the gradient of a frozen base unless
`enable_input_require_grads` was called (modeling_utils.py, `gradient_checkpointing_enable`): measured with
transformers 4.51.3 and peft 0.13.2, 26 of 27 adapted modules stayed exactly at zero while a loss was
logged. Transformers 5 enables the inputs by itself (5.23.0, modeling_utils.py). Where the adapter's weights
can be read, another rule counts the modules that never moved, and this one is silent.

Wrong when: the weights are fine; this only says that nobody has looked.

Fix: fetch the adapter's weights and audit again.

Bad:
    repository: seed
    # gradient_checkpointing is true, and the weights were not fetched

Good:
    # the weights can be read
    cheetah-fine-tuning-config.json: /train_model_parameters/gradient_checkpointing = true
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._versions import proven
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.NOTE

ENABLES_INPUTS = "5.0.0"


def check(run: Run, recipe: Recipe, ledger: Ledger) -> Iterator[Problem]:
    """A pointer, not an accusation; platforms of public source all give the inputs of the model a gradient."""
    if recipe.documented:
        return
    stated = recipe.settings.get("gradient_checkpointing")
    span = proven(ledger, "transformers_version")
    if stated is None or stated.meant is not True or run.all(AdapterWeights):
        return
    if span is not None and span.at_least(ENABLES_INPUTS):
        return
    yield Problem(
        "gradient checkpointing is declared, and no adapter weights could be read to see whether every module was "
        "trained",
        Location(recipe.path, stated.member),
        expected="adapter weights whose lora_B are not all zero",
        observed="weights not read",
    )
