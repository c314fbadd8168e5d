"""The state of the end of training was not published.

`trainer.save_state()` writes trainer_state.json beside the final model, with the last log rows and the run's
totals; `save_model()` alone does not (transformers 4.51.3, trainer.py). A checkpoint's state ends at its save.

Wrong when: the final metrics are published in another form.

Fix: call `trainer.save_state()` (or `save_metrics`) after training and publish the file.

Bad:
    trainer_state.json: removed

Good:
    trainer_state.json: removed
    all_results.json: = "{}"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE

_FILES = ("trainer_state.json", "all_results.json", "train_results.json", "trainer_log.jsonl")


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only for a run that publishes both a final adapter and checkpoints of a Trainer."""
    config, state = run.root.one(AdapterConfig), run.latest(TrainerState)
    if config is None or run.last is None or state is None:
        yield Skip("the run does not hold both a final adapter and a checkpoint with a state")
    elif not any(run.blob(name) is not None for name in _FILES):
        where = f"{run.path}/trainer_state.json" if run.path else "trainer_state.json"
        yield Problem(
            "neither trainer_state.json nor all_results.json is beside the final adapter",
            Location(where),
            expected=" or ".join(_FILES[:2]),
            observed=f"{state.path} only",
        )
