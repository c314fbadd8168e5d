"""The declared mixed precision is not the one that the files show.

Under fp16 on a GPU the Trainer writes the state of its gradient scaler, scaler.pt, into every checkpoint
(transformers 4.49.0 and newer, trainer.py `_save_scaler`); bf16 and full precision write none. The
training arguments hold fp16 and bf16 as they were received. Another precision changes every bit of the
result, and fp16 skips steps that bf16 does not.

Wrong when: scaler.pt was left out when the checkpoint was uploaded, the run was on a CPU, or "fp16" meant
the type of the loaded weights only. The finding is an error where training arguments themselves say another
value.

Fix: declare the precision that ran, or commit the missing scaler.pt.

Bad:
    repository: seed
    # mixed_precision is fp16, and checkpoint-450 has no scaler.pt

Good:
    repository: seed
    checkpoint-450/scaler.pt: scaler with scale 65536
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import LEFT, contradictions, problem, stated, told_by_trainer
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING
CLAIM = "mixed_precision"
SCALER = "precision-from-scaler"


def check(ledger: Ledger, recipe: Recipe | None) -> Iterator[Problem | Skip]:
    """At the declared value; a run without one is not judged."""
    claim = ledger.get(CLAIM)
    if claim is None or stated(ledger, CLAIM) is None:
        yield Skip("no mixed precision is declared")
    elif claim.status is Status.CONTRADICTED and not contradictions(claim, recipe):
        yield LEFT
    elif claim.status is Status.CONTRADICTED:
        against = contradictions(claim, recipe)
        severity = Severity.ERROR if told_by_trainer(claim) else None
        # A missing file says only what did not run, so its evidence has no value to show.
        observed = "no scaler.pt" if against[0].id == SCALER and against[0].value is None else None
        yield problem(claim, against, against[0].says, severity, observed)
    elif claim.status is not Status.VERIFIED:
        yield Skip(claim.why or "no file shows the precision that ran")
