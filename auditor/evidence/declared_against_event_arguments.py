"""Declared settings against the arguments in the event file, which need no unpickling.

TensorBoardCallback writes ``args.to_json_string()`` into the text ``args/text_summary`` when training begins
(transformers 4.51.3 and 5.23.0, integrations/integration_utils.py), once for every attempt that
auto_find_batch_size makes. The last one of the newest event file is compared, by the same rules as
training_args.bin.
"""

from collections.abc import Iterator

from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import Ledger, received, same_value
from auditor.evidence._against import against_arguments
from auditor.evidence._say import unverifiable
from auditor.model import Evidence, Status
from auditor.runs import Run


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test every declared setting of which the last event file with arguments speaks."""
    logs = [log for log in run.events if log.args()]
    arguments = received(run)
    for log in logs[-1:]:
        for item in against_arguments(run, log.args(), log.path):
            yield _doubted(item, arguments) if arguments is not None else item


def _doubted(item: Evidence, arguments: TrainingArgs) -> Evidence:
    """A contradiction that training_args.bin does not share is one between the two files, which a rule reports."""
    there, here = arguments.get(item.claim), item.value
    if item.outcome is not Status.CONTRADICTED or there is None or same_value(item.claim, there, here):
        return item
    return unverifiable(item.claim, f"{item.says}; training_args.bin says {there}", *item.paths)
