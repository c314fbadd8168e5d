"""No save_strategy is declared, so the trainer's default decides when checkpoints are written.

The default is "steps" with `save_steps` 500, and a run that ends earlier is saved at its last step, before
that epoch's loss is logged (transformers 4.51.3, trainer_callback.py, `DefaultFlowCallback`): the checkpoint's
trainer_state.json then lacks the last log.

Wrong when: the platform sets its own default and documents it. Declared `save_steps` say which default is meant.

Fix: declare `save_strategy`; "epoch" saves after the epoch's log.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/save_strategy removed
    cheetah-fine-tuning-config.json: /train_model_parameters/save_steps removed
    training_args.bin: removed
    checkpoint-*/training_args.bin: removed
    events: removed

Good:
    # training_args.bin says which strategy ran
    cheetah-fine-tuning-config.json: /train_model_parameters/save_strategy removed
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import EFFECTIVE, Ledger
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run, recipe: Recipe, ledger: Ledger) -> Iterator[Problem]:
    """Silent where the arguments that arrived say which strategy ran, and where declared save_steps leave no doubt.

    A platform that decides by itself when to save (AutoTrain, axolotl) does not leave it to the trainer.
    """
    declared = {"save_strategy", "save_steps"} & set(recipe.settings)
    if (
        declared
        or ledger.statement("save_strategy", EFFECTIVE) is not None
        or "save_strategy" in recipe.decides
    ):
        return
    state = run.latest(TrainerState)
    yield Problem(
        "save_strategy is not declared; the trainer's default is to save every 500 steps and at the last one",
        Location(recipe.path),
        expected="a declared save_strategy",
        evidence=(f"{state.path}: save_steps {state.save_steps}",)
        if state is not None and state.save_steps is not None
        else (),
    )
