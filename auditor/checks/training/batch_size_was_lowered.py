"""Training ran with a smaller micro-batch than was asked for.

With `auto_find_batch_size` the Trainer starts over with a smaller batch when memory runs out, and records the one
that ran as `train_batch_size` (transformers 4.51.3, trainer.py, `_inner_training_loop`; accelerate 1.6.0,
utils/memory.py halves it). Learning rate, accumulation and warm-up are not rescaled, so the effective batch is
smaller than declared; the model and the optimizer are not reset either.

Wrong when: the smaller batch was accepted knowingly.

Fix: declare the micro-batch that ran, raise the accumulation to keep the effective batch, and train again with
`auto_find_batch_size` false.

Bad:
    repository: seed
    # 4 rows were asked for, and train_batch_size is 1

Good:
    repository: seed
    # another cause is another rule's matter
    cheetah-fine-tuning-config.json: /train_model_parameters/auto_find_batch_size = false
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import whole
from auditor.checks._wording import counted
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.model import Problem, Severity, Skip, Status
from auditor.runs import Run, processes

SEVERITY = Severity.WARNING

KEY = "per_device_train_batch_size"


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Only where auto_find_batch_size was on; another reason for a smaller batch is another rule's."""
    state = run.latest(TrainerState)
    stated = ledger.statement(KEY, EFFECTIVE, DECLARED)
    wanted = whole(stated.value) if stated else None
    if state is None or state.train_batch_size is None or stated is None or wanted is None:
        yield Skip("the micro-batch that was asked for or the one that ran is not recorded")
        return
    if (
        ledger.value("auto_find_batch_size", EFFECTIVE, DECLARED) not in (True, "true")
        or state.train_batch_size >= wanted
    ):
        return
    yield Problem(
        f"training ran with a micro-batch of {state.train_batch_size}, and {wanted} was asked for: "
        "auto_find_batch_size allows that",
        state.at("/train_batch_size"),
        expected=str(wanted),
        observed=str(state.train_batch_size),
        evidence=tuple(_effective(run, ledger, state.train_batch_size, wanted)),
    )


def _effective(run: Run, ledger: Ledger, ran: int, wanted: int) -> Iterator[str]:
    """The rows of one optimizer step, with what is known of accumulation and processes."""
    claim, count = ledger.get("gradient_accumulation_steps"), processes(run)
    asked = whole(ledger.value("gradient_accumulation_steps", EFFECTIVE, DECLARED))
    if claim is None or asked is None or count is None:
        return
    against = next((e for e in claim.evidence if e.outcome is Status.CONTRADICTED), None)
    held = whole(against.value) if against else asked
    if held is not None:
        yield (
            f"{ran} x {held} (accumulation) x {count} (processes) = {counted(ran * held * count, 'row')} a step; "
            f"{wanted} x {asked} x {count} = {wanted * asked * count} were asked for"
        )
