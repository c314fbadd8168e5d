"""Stands in for the run's evaluations, which are not repeated: draws what each drew from torch's generator."""

from typing import Any

from .job import Job
from .libraries import torch, transformers


class Evaluations(transformers.TrainerCallback):  # type: ignore[misc]
    """Draws one int64 for each pass that the run made over an evaluation set, at the moment the Trainer evaluated.

    That is after the step, or after the epoch, and before its checkpoint is saved. Source: torch 2.13.0,
    utils/data/dataloader.py, ``_BaseDataLoaderIter.__init__``; transformers 5.23.0, trainer.py,
    ``_maybe_log_save_evaluate`` and ``eval_on_start``.
    """

    def __init__(self, job: Job) -> None:
        self._passes = job.settings.evaluations
        self._by_epoch = job.settings.eval_strategy == "epoch"
        self._in_four_bits = job.settings.quantization == "int4"

    def _evaluate(self, step: int, model: Any) -> None:
        passes = int(str(self._passes.get(str(step), 0)))
        for _ in range(passes):
            torch.empty((), dtype=torch.int64).random_()
        if passes and self._in_four_bits:
            touch(model)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Draws for an evaluation before the first step."""
        if state.global_step == 0:
            self._evaluate(0, model)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Draws for an evaluation after a step."""
        if not self._by_epoch:
            self._evaluate(state.global_step, model)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Draws for an evaluation after an epoch."""
        if self._by_epoch:
            self._evaluate(state.global_step, model)


def touch(model: Any) -> None:
    """Sends two ids through the model as an evaluation would, because that changes a model in 4 bits.

    On a CPU with AVX512-BF16 a pass in eval mode leaves each layer in another layout, whose product has no gradient
    with respect to its input, until the model's state is next saved (bitsandbytes 0.50.2, nn/modules.py,
    ``Linear4bit.forward`` and ``_save_to_state_dict``; autograd/_functions.py, ``matmul_4bit``).
    """
    ids = torch.zeros((1, 2), dtype=torch.int64, device=model.device)
    model.eval()
    with torch.no_grad():
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    model.train()
