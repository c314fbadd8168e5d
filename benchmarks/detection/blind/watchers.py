"""What steps into a training: a crash, and rows that are exchanged on the way."""

from collections.abc import Sequence
from typing import Any

import torch
import transformers


class CrashError(Exception):
    """The end of a process that nobody planned."""


class Crashes(transformers.TrainerCallback):  # type: ignore[misc]
    """Ends training at a step, with nothing saved but what was written until then."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.trainer: Any = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Crash at the step, once the event file holds what was logged before it."""
        if state.global_step == self.step:
            for callback in self.trainer.callback_handler.callbacks:
                if getattr(callback, "tb_writer", None) is not None:
                    callback.tb_writer.close()
            raise CrashError


class Samples(transformers.TrainerCallback):  # type: ignore[misc]
    """Samples a few tokens after some steps, as people do who want to read what the model says."""

    def __init__(self, every: int) -> None:
        self.every = every

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Draw as sampling does: one multinomial for each token."""
        if state.global_step % self.every == 0:
            for _token in range(8):
                torch.multinomial(torch.ones(448), 1)


class Switching(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Examples that are those of another list from the moment that `other` is chosen."""

    def __init__(self, first: Sequence[Any], second: Sequence[Any]) -> None:
        self.lists, self.other = (first, second), False

    def __len__(self) -> int:
        return len(self.lists[0])

    def __getitem__(self, at: int) -> Any:
        chosen = self.lists[self.other]
        return chosen[at % len(chosen)]


class Switches(transformers.TrainerCallback):  # type: ignore[misc]
    """Chooses the other list after a step."""

    def __init__(self, rows: Switching, step: int) -> None:
        self.rows, self.step = rows, step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Switch from this step on."""
        self.rows.other = state.global_step >= self.step
