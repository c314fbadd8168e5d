"""training_args.bin can only be opened by running it.

The file is a pickle of a TrainingArguments object: torch.load refuses it with `weights_only=True`, the
default since torch 2.6 (torch/serialization.py), so whoever wants to read it has to switch the protection
off (measured on transformers 4.51.3, trainer.py, `_save`: ten classes of transformers, accelerate and
torch). This audit reads it without running anything.

Wrong when: never; it is so by the file's kind.

Fix: commit the arguments as JSON (`TrainingArguments.to_json_string`) and leave the file out, or trust
its author.

Bad:
    # as the trainer wrote it

Good:
    training_args.bin: removed
    checkpoint-*/training_args.bin: removed
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run) -> Iterator[Problem]:
    """By name, once a run; the other copies are in the evidence."""
    paths = [blob.path for _, blob in run.blobs("training_args.bin")]
    if paths:
        yield Problem(
            "training_args.bin is a pickle that torch.load opens only with `weights_only=False`",
            Location(paths[0]),
            expected="arguments as JSON",
            observed=f"{len(paths)} pickled copies" if len(paths) > 1 else "a pickle",
            evidence=tuple(f"also at {path}" for path in paths[1:]),
        )
