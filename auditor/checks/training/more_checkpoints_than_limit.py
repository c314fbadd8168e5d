"""More checkpoints of one run are published than save_total_limit keeps.

The Trainer deletes older checkpoints as it saves (transformers 4.51.3, trainer.py, `_rotate_checkpoints`), one more
stays when the best one is kept. More folders than that are of several runs, or the limit never arrived.

Wrong when: the folders were copied away during training.

Fix: publish the checkpoints of one run, and the limit that was used.

Bad:
    *training_args.bin: .save_total_limit = 1
    checkpoint-27/adapter_config.json: = copy of adapter_config.json

Good:
    # one more stays when the best one is kept
    *training_args.bin: .save_total_limit = 1
"""

from collections.abc import Iterator

from auditor.checks._received import whole
from auditor.checks._wording import shown
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Checkpoints whose histories exclude each other are separate runs already and are counted apart."""
    stated = ledger.statement("save_total_limit", EFFECTIVE, DECLARED)
    limit = whole(stated.value) if stated else None
    if stated is None or limit is None or limit < 1:
        yield Skip("no save_total_limit is set")
        return
    names = [name_of(folder.path) for folder in run.checkpoints]
    if len(names) > limit + 1:
        yield Problem(
            f"{len(names)} checkpoints are published, and {stated.key} is {shown(stated.value)}",
            Location(stated.path, stated.member),
            expected=f"at most {limit}, and the best one",
            observed=", ".join(names),
        )
