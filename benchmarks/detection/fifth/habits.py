"""What the fifth set's scripts do while they train: batches too large, a rate of zero, a moving average."""

from typing import Any

import torch
import transformers

ROWS = 3
"""More rows at a time than this do not fit into the memory that we pretend to have."""
LAST = 9
"""The step after which the optimizer's rate is 0."""
KEEP = 0.8
"""Of the moving average at each step."""


class Small(transformers.Trainer):  # type: ignore[misc]
    """A Trainer on a machine that runs out of memory."""

    def training_step(self, model: Any, inputs: Any, *more: Any) -> Any:
        """The loss of a batch. Raises RuntimeError for one that does not fit."""
        if len(inputs["input_ids"]) > ROWS:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().training_step(model, inputs, *more)


class ZeroRate(transformers.TrainerCallback):  # type: ignore[misc]
    """Sets the optimizer's rate to 0 after a step; the scheduler tells it the declared one again."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Before each update."""
        if state.global_step >= LAST:
            for group in more["optimizer"].param_groups:
                group["lr"] = 0.0


class Average(transformers.TrainerCallback):  # type: ignore[misc]
    """Keeps the moving average of what is trained."""

    def __init__(self) -> None:
        self.means: dict[str, Any] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """After each update."""
        for name, value in model.named_parameters():
            if value.requires_grad:
                mean = self.means.get(name, value.detach().clone())
                self.means[name] = mean * KEEP + value.detach() * (1 - KEEP)

    def put_into(self, model: Any) -> None:
        """The average in the place of the weights."""
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name in self.means:
                    value.copy_(self.means[name])
