"""The arguments that the Trainer was given, by whichever file tells them."""

from collections.abc import Mapping

from auditor.claims import received
from auditor.runs import Run


def given(run: Run) -> tuple[str, Mapping[str, object]]:
    """What a member's name is put after in a source, and the values: training_args.bin, else the event file's text.

    The Trainer logs all of its arguments as JSON when training begins (transformers 5.23.0, integrations/
    integration_utils.py, ``TensorBoardCallback``). Nothing where neither is there.
    """
    arguments = received(run)
    if arguments is not None:
        return f"{arguments.path}#", arguments.values
    for log in run.events[:1]:
        if log.args():
            return f"{log.path}#args/", log.args()
    return "", {}
