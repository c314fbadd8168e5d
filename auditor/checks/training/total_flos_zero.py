"""total_flos is 0 after training.

The Trainer asks the model for `floating_point_ops` and adds nothing when the wrapper has no such method
(transformers 4.51.3, trainer.py). The number then tells nothing about tokens and parameters, of which it is
evidence otherwise.

Silent for trainers of preferences and rewards (DPO, GRPO, reward and others): their batches have no `input_ids` of
that name, so nothing is ever counted (modeling_utils.py, `estimate_tokens`).

Wrong when: it never is; this only explains why the arithmetic of total_flos is missing.

Fix: nothing, or train through the Transformers model class.

Bad:
    checkpoint-18/trainer_state.json: /total_flos = 0

Good:
    # no step was made
    checkpoint-18/trainer_state.json: /total_flos = 0
    checkpoint-18/trainer_state.json: /global_step = 0
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity
from auditor.runs import Run, trainer_of

SEVERITY = Severity.NOTE


def check(state: TrainerState, run: Run | None) -> Iterator[Problem]:
    """Only for a state that made steps."""
    if run is not None and not _counts(run):
        return
    if state.total_flos == 0 and (state.global_step or 0) > 0:
        yield Problem(
            f"total_flos is 0 after {state.global_step:,} steps",
            state.at("/total_flos"),
            expected="6 x tokens x parameters",
            observed="0",
        )


def _counts(run: Run) -> bool:
    """Whether the trainer's batches are those of a language model; reward models may have plain arguments."""
    config = run.one(AdapterConfig)
    return (config is None or config.task_type != "SEQ_CLS") and all(
        trainer_of(folder) in (None, "SFT") for folder in run.folders
    )
