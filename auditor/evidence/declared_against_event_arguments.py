"""Declared settings against the arguments in the event file, which need no unpickling.

TensorBoardCallback writes ``args.to_json_string()`` into the text ``args/text_summary`` when training begins
(transformers 4.51.3 and 5.23.0, integrations/integration_utils.py), once for every attempt that
auto_find_batch_size makes. The last one of the newest event file is compared, by the same rules as
training_args.bin.
"""

from collections.abc import Iterator

from auditor.claims import Ledger
from auditor.evidence._against import against_arguments
from auditor.model import Evidence
from auditor.runs import Run


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test every declared setting of which the last event file with arguments speaks."""
    logs = [log for log in run.events if log.args()]
    for log in logs[-1:]:
        yield from against_arguments(run, log.args(), log.path)
