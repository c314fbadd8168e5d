"""A declared hyperparameter is not the one the training used.

Each declared value is held against what the trainer received (training_args.bin, the arguments in the event
file, adapter_config.json; transformers 5.23.0, trainer.py, `_save`, and integrations/integration_utils.py)
and against what its results show (trainer_state.json, scheduler.pt, optimizer.pt, rng_state.pth,
total_flos, the shapes of the tensors). One contradiction is enough: a model that was trained with another
learning rate, rank or seed than its configuration says is another model, and a rerun of the configuration
will not reproduce it. The finding names the test and its arithmetic.

Wrong when: the declared file belongs to another run in the same repository, or the platform translates a
setting on purpose before it trains.

Fix: commit the configuration that was used, or train again with the declared one.

Bad:
    # training_args.bin says 0.002
    cheetah-fine-tuning-config.json: /train_model_parameters/learning_rate = 0.001

Good:
    # the same number in another spelling
    cheetah-fine-tuning-config.json: /train_model_parameters/learning_rate = "2e-3"
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import contradictions, problem
from auditor.claims import Ledger
from auditor.model import Claim, Evidence, Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.ERROR

_OWN_RULE = (
    *("gradient_accumulation_steps", "mixed_precision", "quantization", "task_type"),
    *("transformers_version", "peft_version", "recipe"),
)
"""Claims whose contradiction has a rule of its own."""
_OWN_TEST = (
    ("r", "rank-from-tensors"),
    ("use_dora", "rank-from-tensors"),
    ("base_model", "declared-against-adapter-config"),
    ("global_step", "optimizer-from-state"),
)
"""Claims with the test whose outcome another rule reports."""


def check(ledger: Ledger, recipe: Recipe | None) -> Iterator[Problem | Skip]:
    """One finding a claim, whatever the number of tests against it."""
    if not any(claim.evidence for claim in ledger.claims.values()):
        yield Skip("no file tests any claim of this run")
        return
    for claim in ledger.claims.values():
        against = _against(claim, recipe)
        if against:
            mild = all(item.id == "card-against-training" for item in against)
            message = f"`{claim.key}` is contradicted: {against[0].says}"
            yield problem(claim, against, message, Severity.WARNING if mild else None)


def _against(claim: Claim, recipe: Recipe | None) -> tuple[Evidence, ...]:
    if claim.key in _OWN_RULE:
        return ()
    return tuple(item for item in contradictions(claim, recipe) if (claim.key, item.id) not in _OWN_TEST)
