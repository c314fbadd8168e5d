"""What evaluation left behind in a run: numbers drawn from torch's generator, and the step its adapter is of.

Evaluation itself is not repeated. Each pass over an evaluation set draws one int64 from torch's global generator on the
CPU (torch 2.13.0, utils/data/dataloader.py, ``_BaseDataLoaderIter.__init__``: ``_base_seed``), also without dropout and
in eval mode, so that a run that was evaluated has other dropout masks afterwards than one that was not.
"""

from collections.abc import Mapping

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Setting
from auditor.rerun.planning.given import given
from auditor.runs import Run, best_step

_PASS = "_runtime"


def passes(run: Run) -> dict[str, Setting]:
    """``evaluations`` (passes over an evaluation set, by step) and ``eval_strategy``; nothing for a run without.

    A row with ``eval_runtime`` or ``eval_NAME_runtime`` is one pass (transformers 5.23.0, trainer.py, ``evaluate``).
    """
    states = (run.root.one(TrainerState), run.latest(TrainerState))
    state = max((item for item in states if item), key=lambda item: len(item.log_history), default=None)
    found: dict[str, int] = {}
    for row in state.log_history if state else ():
        step = row.get("step")
        if isinstance(step, int) and any(key.startswith("eval_") and key.endswith(_PASS) for key in row):
            found[str(step)] = found.get(str(step), 0) + 1
    if state is None or not found:
        return {}
    by, arguments = given(run)
    strategy = str(arguments.get("eval_strategy", "steps"))
    return {
        "evaluations": Setting(found, f"{state.path}#/log_history"),
        "eval_strategy": Setting(
            "epoch" if strategy == "epoch" else "steps",
            f"{by}eval_strategy" if arguments else "no file says it: at the logged steps",
            assumed=not arguments,
        ),
    }


def saving(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """``save_strategy`` of a run that saved whenever its metric was better, which a rerun does not measure.

    It saves by ``save_steps`` instead; such a Trainer would not begin without a metric (transformers 5.23.0,
    trainer.py, ``__init__``). Saving changes nothing of a training.
    """
    told = settings["save_strategy"]
    if str(told.value).rpartition(".")[2].lower() != "best":
        return {}
    return {"save_strategy": Setting("steps", f"{told.source} is best, and a rerun measures no metric")}


def loaded_step(run: Run) -> int | None:
    """The step whose weights the Trainer loaded at the end; None where the adapter is that of the last step.

    Source: transformers 5.23.0, trainer.py, ``_load_best_model``: with ``load_best_model_at_end`` the weights of
    ``best_model_checkpoint`` take the place of the last ones before ``save_model``.
    """
    (_, arguments), state = given(run), run.latest(TrainerState)
    if state is None or arguments.get("load_best_model_at_end") is not True:
        return None
    return best_step(state)
