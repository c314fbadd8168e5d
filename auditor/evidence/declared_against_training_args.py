"""Declared settings against training_args.bin, which holds what the Trainer received.

Trainer writes its TrainingArguments beside every checkpoint and the final adapter (transformers 4.51.3 and
5.23.0, trainer.py ``_save``), so a declared setting that differs there never reached the trainer. Names are
compared after the platform's own spelling was translated. No difference is drawn where a platform may act
outside the arguments (gradient checkpointing) or gives a value its own meaning (a negative logging_steps),
nor for auto_find_batch_size, which leaves the arguments as they were.
"""

from collections.abc import Iterator

from auditor.claims import Ledger, received
from auditor.evidence._against import ARGUMENTS, against_arguments, declared
from auditor.evidence._files import why_unread
from auditor.evidence._say import unverifiable
from auditor.model import Evidence
from auditor.runs import Run


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test every declared setting of which the run's training_args.bin speaks."""
    arguments = received(run)
    if arguments is not None:
        yield from against_arguments(run, arguments.values, arguments.path)
        return
    why = why_unread(run, "training_args.bin")
    for key, _ in declared(run, (*ARGUMENTS, "mixed_precision")):
        yield unverifiable(key, f"{why}; it would show what the trainer received")
