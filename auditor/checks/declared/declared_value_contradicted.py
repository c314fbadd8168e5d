"""A declared hyperparameter is not the one the training used.

Each declared value is held against what the trainer received (training_args.bin, the arguments in the event
file, adapter_config.json; transformers 5.23.0, trainer.py, `_save`, and integrations/integration_utils.py)
and against what its results show (trainer_state.json, scheduler.pt, optimizer.pt, rng_state.pth,
total_flos, the shapes of the tensors). One contradiction is enough: a model that was trained with another
learning rate, rank or seed than its configuration says is another model, and a rerun of the configuration
will not reproduce it. The finding names the test and its arithmetic.

A schedule that an earlier start of the run began and the arguments of a later one is a warning: resuming keeps the
old rates, so the recorded arguments are not those that trained. A seed that only the adapter's initial values speak
against is one too: they may be those of an adapter that was trained further.

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
from dataclasses import replace

from auditor.checks._copies import odd_copy
from auditor.checks.declared._contradiction import (
    BY_CONFIG,
    BY_TENSORS,
    contradictions,
    is_configs_alone,
    problem,
)
from auditor.claims import DECLARED, Ledger
from auditor.model import Claim, Evidence, Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

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

_MILD = ("card-against-training", "seed-from-lora-init")
"""Tests that alone are a warning: a card is prose, and initial values may be those of an adapter trained before."""
_LOADED = ("schedule-from-scheduler-state", "optimizer-from-state")
"""Tests against states that resuming loads."""


def check(ledger: Ledger, recipe: Recipe | None, run: Run) -> Iterator[Problem | Skip]:
    """One finding a claim, whatever the number of tests against it."""
    if not any(claim.evidence for claim in ledger.claims.values()):
        yield Skip("no file tests any claim of this run")
        return
    odd = odd_copy(run)
    for claim in ledger.claims.values():
        against = _against(claim, recipe, run)
        if against:
            mild = all(item.id in _MILD for item in against) or _is_resumed(claim, against)
            message = f"`{claim.key}` is contradicted: {against[0].says}"
            found = problem(claim, against, message, Severity.WARNING if mild else None)
            copies = odd.says((claim.key,)) if odd is not None and odd.one.path in against[0].paths else ()
            yield replace(found, evidence=(*found.evidence, *copies))


def _is_resumed(claim: Claim, against: tuple[Evidence, ...]) -> bool:
    """Whether only the arguments of the last start differ from states that an earlier one began.

    Resuming loads scheduler.pt and optimizer.pt with their old rates, whatever the new arguments say (3 of 289 public
    checkpoints).
    """
    return claim.stated_by(DECLARED) is None and all(item.id in _LOADED for item in against)


def _against(claim: Claim, recipe: Recipe | None, run: Run) -> tuple[Evidence, ...]:
    if claim.key in _OWN_RULE:
        return ()
    found = contradictions(claim, recipe)
    told = tuple(item for item in found if (claim.key, item.id) not in _OWN_TEST)
    if any(item.id == BY_CONFIG for item in told) and is_configs_alone(claim, run):
        return tuple(item for item in told if item.id == BY_TENSORS)
    return told
