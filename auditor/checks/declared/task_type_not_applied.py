"""The declared task_type did not reach PEFT.

Without task_type `get_peft_model` builds a plain PeftModel instead of, say, PeftModelForCausalLM, and
writes `auto_mapping` beside `"task_type": null` (peft 0.13.2, mapping.py and peft_model.py). The
adapter loads all the same. But a plain PeftModel hides the base's forward signature from the Trainer, which
then finds no label names: up to Transformers 4.53 evaluation gives no eval_loss (trainer.py
`find_labels`).

Wrong when: the declared file belongs to another run. Null is legal; the finding says only that the declared
value did not arrive. Another value than the declared one is an error.

Fix: pass task_type to LoraConfig, or drop it from the declaration.

Bad:
    cheetah-fine-tuning-config.json: /peft/task_type = "SEQ_CLS"

Good:
    cheetah-fine-tuning-config.json: /peft/task_type = "CAUSAL_LM"
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import LEFT, contradictions, problem, shown, stated
from auditor.claims import RECORDED, Ledger
from auditor.model import Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING
CLAIM = "task_type"


def check(ledger: Ledger, recipe: Recipe | None) -> Iterator[Problem | Skip]:
    """At the declared value; a run without one is not judged."""
    claim = ledger.get(CLAIM)
    if claim is None or stated(ledger, CLAIM) is None:
        yield Skip("no task_type is declared")
    elif claim.status is Status.CONTRADICTED and not contradictions(claim, recipe):
        yield LEFT
    elif claim.status is Status.CONTRADICTED:
        recorded, against = ledger.value(CLAIM, RECORDED), contradictions(claim, recipe)
        severity = Severity.ERROR if recorded is not None else None
        yield problem(claim, against, against[0].says, severity, observed=shown(recorded))
    elif claim.status is not Status.VERIFIED:
        yield Skip("no adapter_config.json records a task_type")
