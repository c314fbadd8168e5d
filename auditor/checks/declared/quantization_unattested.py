"""A quantized base is declared, and no file of the repository shows that one was used.

adapter_config.json never stores quantization, so a run without it looks the same; a `loftq_config` has no
effect unless init_lora_weights is `"loftq"` (peft 0.13.2, tuners/lora/layer.py). The model's
configuration, which TensorBoardCallback writes into the event file (transformers,
integrations/integration_utils.py), holds `quantization_config` exactly when the model was quantized. An
adapter fitted to a quantized base corrects that base's rounding, so users must load the same one. It is an
error where the event file was read and shows another quantization.

Wrong when: the quantization is recorded in a file this audit does not read.

Fix: commit the event file or the BitsAndBytesConfig that was used, or correct the declaration.

Bad:
    # the event file's quantization_config says 4 bits
    cheetah-fine-tuning-config.json: /peft/quantization = "int8"

Good:
    cheetah-fine-tuning-config.json: /peft/quantization = "int4"
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import LEFT, contradictions, problem, shown, stated
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING
CLAIM = "quantization"
_NONE = ("no", "false")


def check(ledger: Ledger, recipe: Recipe | None) -> Iterator[Problem | Skip]:
    """At the declared value; full precision is not judged unless an event file contradicts it.

    A platform of public source is known to load the base as declared: what is missing then is a proof, not a doubt.
    """
    claim, statement = ledger.get(CLAIM), stated(ledger, CLAIM)
    if claim is not None and claim.status is Status.CONTRADICTED:
        against = contradictions(claim, recipe)
        yield problem(claim, against, against[0].says, Severity.ERROR) if against else LEFT
    elif claim is None or statement is None or str(statement.value).lower() in _NONE:
        yield Skip("no quantization is declared")
    elif claim.status is not Status.VERIFIED and recipe is not None and recipe.documented:
        yield Skip(f"{recipe.platform} loads the base as declared, and no file of the run shows it")
    elif claim.status is not Status.VERIFIED and any(item.value is not None for item in claim.evidence):
        yield Skip(claim.why)
    elif claim.status is not Status.VERIFIED:
        yield Problem(
            f"{shown(statement.value)} is declared, and no file shows that the base was quantized",
            Location(statement.path, statement.member),
            expected=f"a quantization_config that says {shown(statement.value)}",
            observed="none",
            evidence=(claim.why,) if claim.why else (),
        )
