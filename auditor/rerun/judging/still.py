"""Scripts that train a part of what PEFT makes trainable: LoRA-FA keeps every lora_A still, others some layers.

``requires_grad_(False)`` after ``get_peft_model`` leaves no word in adapter_config.json. The optimizer tells it, which
then has fewer parameters than the recipe's (transformers 5.23.0, trainer.py, ``create_optimizer`` takes those that
require a gradient), and so do the tensors, which hold their first numbers in every copy. Only where the two agree is it
believed, and only of a script: a platform's recipe names what it trains.
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.compare._same_bytes import same_tensor
from auditor.errors import CannotRead
from auditor.model import Verdict
from auditor.rerun.judging.opened import is_measured, opened
from auditor.rerun.judging.summary import Judged
from auditor.rerun.outputs import Output
from auditor.runs import Run


def kept_still(judged: Sequence[Judged], run: Run, ours: Output) -> list[Judged]:
    """The gaps, those that such a choice of parameters explains as inconclusive."""
    accused = any(item.verdict is Verdict.DIVERGED and not item.proved for item in judged)
    says = _fewer(run, ours) if accused and run.recipe is None else None
    if says is None:
        return list(judged)
    return [
        opened(item, says) if is_measured(item) or item.gap.aspect == "optimizer" else item for item in judged
    ]


def _fewer(run: Run, ours: Output) -> str | None:
    """That every committed optimizer lacks exactly the tensors that never moved; None where it is not so."""
    start = ours.initial.one(AdapterWeights)
    states = [state for folder in run.checkpoints if (state := folder.one(OptimizerState)) is not None]
    made = max((len(state.entries) for state in _states(run, ours)), default=0)
    adapters = [found for folder in run.folders if (found := folder.one(AdapterWeights)) is not None]
    if start is None or not states or not adapters:
        return None
    trained = {len(state.entries) for state in states}
    try:
        still = [_still(start, adapter) for adapter in adapters]
    except CannotRead:
        return None
    if len(trained) != 1 or any(names is None or names != still[0] for names in still):
        return None
    (count,), number = trained, len(start.tensors)
    if not count < made or count != number - len(still[0] or ()):
        return None
    return (
        f"{states[0].path} has the state of {count} of {number} tensors, and the others still hold the numbers that "
        "they began with, so the script kept them still, which no setting tells"
    )


def _states(run: Run, ours: Output) -> Iterator[OptimizerState]:
    """The rerun's states at the steps of the committed ones."""
    for folder in run.checkpoints:
        state = ours.at(f"checkpoint-{folder.step}").one(OptimizerState)
        if state is not None:
            yield state


def _still(start: AdapterWeights, now: AdapterWeights) -> frozenset[str] | None:
    """The tensors with the bits of the first ones; None where other tensors were committed. Raises CannotRead."""
    if set(start.tensors) != set(now.tensors):
        return None
    return frozenset(name for name in now.tensors if same_tensor(start, now, name))
