"""The state counts input tokens although counting them was off.

`num_input_tokens_seen` grows only with `include_num_input_tokens_seen` (transformers 4.51.3 and 5.23.0, trainer.py,
`_inner_training_loop`), which is off by default. A number beside arguments that say so is not of their run.

Wrong when: the trainer counts tokens in its own way, as TRL's do; only plain Trainers are judged.

Fix: publish state and arguments of one run.

Bad:
    checkpoint-18/trainer_state.json: /num_input_tokens_seen = 4096

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_PLAIN = ("transformers.training_args.", "transformers.training_args_seq2seq.")


def check(state: TrainerState, received: TrainingArgs) -> Iterator[Problem | Skip]:
    """The arguments beside the state must say that it was off."""
    asked = received.get("include_num_input_tokens_seen")
    if not received.class_name.startswith(_PLAIN) or asked not in (False, "no"):
        yield Skip("tokens may have been counted")
    elif state.num_input_tokens_seen:
        yield Problem(
            f"{state.num_input_tokens_seen:,} input tokens are counted, and {received.path} turns counting off",
            state.at("/num_input_tokens_seen"),
            expected="0",
            observed=str(state.num_input_tokens_seen),
        )
