"""training_args.bin holds fields that no release of Transformers has together.

The pickle of a TrainingArguments object holds every field of its class (transformers 5.23.0, training_args.py), and
releases both add and drop fields: one that was dropped beside one that came later shows an object changed after it
was made, or a library patched by the platform.

Wrong when: the training code sets an attribute of that name by hand. Subclasses (TRL, unsloth, axolotl, ms-swift)
add fields of their own and are not looked at.

Fix: say in the card which library made the file, or publish the one of the training run.

Bad:
    training_args.bin: .evaluation_strategy = "no"

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.training_args import TrainingArgs
from auditor.artifacts.versions import ARGUMENTS_CLASSES, argument_keys
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.NOTE


def check(arguments: TrainingArgs) -> Iterator[Problem | Skip]:
    """Only Transformers' own classes, and only fields that are there."""
    if arguments.class_name not in ARGUMENTS_CLASSES:
        yield Skip(f"the fields of {arguments.class_name} are not in the table")
        return
    found = argument_keys(arguments.class_name).impossible(arguments.values)
    if found is not None:
        yield Problem(
            f"no release of Transformers has both `{found.old}` and `{found.new}` in its training arguments",
            arguments.at(found.old),
            expected="the fields of one release",
            observed=f"`{found.old}` (last in {found.last}) and `{found.new}` (first in {found.first})",
        )
