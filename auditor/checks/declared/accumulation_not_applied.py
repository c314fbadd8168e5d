"""The declared gradient accumulation was not applied.

Accumulation multiplies the batch of an optimizer step. total_flos gives the tokens of all steps
(transformers 4.51.3, modeling_utils.py, `floating_point_ops`), so tokens a step, divided by micro-batch and
row length, are the accumulation that ran. A platform key that the trainer does not know
(`gradient_accumulation` for `gradient_accumulation_steps`) is dropped in silence and the default is 1
(training_args.py): where 4 was declared, the model then gets four times the updates, each from a quarter of
the rows, at the same learning rate.

Wrong when: every step held that many shorter rows whose lengths average exactly the stated number. The
finding is an error where training arguments say the other value themselves, or rows are packed and so of
full length.

Fix: use the key the trainer knows and train again, or declare the accumulation that ran.

Bad:
    # training_args.bin says 2
    cheetah-fine-tuning-config.json: /train_model_parameters/gradient_accumulation_steps = 4

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/gradient_accumulation_steps = 2
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import LEFT, contradictions, problem, stated, told_by_trainer
from auditor.claims import EFFECTIVE, Ledger
from auditor.model import Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING
CLAIM = "gradient_accumulation_steps"


def check(ledger: Ledger, recipe: Recipe | None) -> Iterator[Problem | Skip]:
    """At the declared value; a run without one is not judged."""
    claim = ledger.get(CLAIM)
    if claim is None or stated(ledger, CLAIM) is None:
        yield Skip("no gradient accumulation is declared")
    elif claim.status is Status.CONTRADICTED and not contradictions(claim, recipe):
        yield LEFT
    elif claim.status is Status.CONTRADICTED:
        packed = ledger.value("packing", EFFECTIVE) is True
        proven = told_by_trainer(claim) or packed
        against = contradictions(claim, recipe)
        yield problem(claim, against, against[0].says, Severity.ERROR if proven else None)
    elif claim.status is not Status.VERIFIED:
        yield Skip(claim.why or "no file shows the accumulation that ran")
