"""The micro-batch that ran is not the one of the training arguments beside it.

The Trainer records `train_batch_size` = `per_device_train_batch_size` x GPUs of one process (transformers 4.51.3,
trainer.py, `_inner_training_loop`), and only `auto_find_batch_size` changes it. Where that is off, state and
arguments are of two runs.

Wrong when: training was resumed with other arguments: the state keeps the first run's number. The finding is an
error only where the event file shows that nothing was resumed.

Fix: publish the arguments and the state of one run.

Bad:
    # the state says 1
    checkpoint-18/training_args.bin: .per_device_train_batch_size = 2

Good:
    # the search for a batch that fits may lower it
    checkpoint-18/training_args.bin: .per_device_train_batch_size = 2
    checkpoint-18/training_args.bin: .auto_find_batch_size = true
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._received import began_fresh, whole
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR


def check(state: TrainerState, received: TrainingArgs, run: Run | None) -> Iterator[Problem | Skip]:
    """A multiple is what several GPUs in one process make of it."""
    wanted, ran = whole(received.get("per_device_train_batch_size")), state.train_batch_size
    if wanted is None or ran is None or wanted < 1:
        yield Skip("the micro-batch is not recorded on both sides")
        return
    if wanted == ran or received.get("auto_find_batch_size") is True:
        return
    gpus = whole(received.get("_n_gpu"))
    if ran % wanted == 0 and (gpus is None or gpus * wanted == ran):
        yield Skip("several GPUs in one process multiply the micro-batch")
        return
    fresh = run is not None and began_fresh(run)
    yield Problem(
        f"the micro-batch that ran is {ran}, and {received.path} says {wanted}",
        state.at("/train_batch_size"),
        expected=str(wanted),
        observed=str(ran),
        evidence=("the event file begins with the run: nothing was resumed",) if fresh else (),
        severity=None if fresh else Severity.WARNING,
    )
