"""What every optimizer step leaves behind: digests of the trained tensors, logged values, the end of the span."""

from typing import Any

from .job import Job
from .libraries import torch, transformers
from .steplog import Events, StepLog

_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Recorder(transformers.TrainerCallback):  # type: ignore[misc]
    """Stops a run at the end of its span and hands every step to the log."""

    def __init__(self, job: Job, log: StepLog, events: Events) -> None:
        self.job, self.log, self.events = job, log, events

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Records the adapter before the first step: as it was drawn, or as it was committed."""
        self.log.step(self.job.start_at, bit_sums(model) if self.job.digests else None)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Closes the line of the step before, which by now holds its logged values."""
        self.log.flush()

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Counts the micro-batches of the step."""
        self.log.substep()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Records the step and, at the end of the span, asks for no more steps and a checkpoint of what is kept."""
        self.log.step(state.global_step, bit_sums(model) if self.job.digests else None)
        if state.global_step == self.job.stop_at:
            control.should_training_stop = True
            control.should_save = not self.job.measured

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, object], **_: object) -> None:
        """Passes on loss, grad_norm and learning_rate."""
        self.log.logged(logs)

    def on_save(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Tells the parent that a checkpoint is on disk."""
        self.events.emit("saved", job=self.job.name, step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Closes the log."""
        self.log.close()


def bit_sums(model: Any) -> dict[str, int]:
    """Returns the sum of each trainable tensor's bits, by its name in adapter_model.safetensors.

    Summed as int64 over the pattern read as int32 (float32) or int16 (bfloat16, float16), on the device.
    """
    named = [(name, tensor.detach()) for name, tensor in model.named_parameters() if tensor.requires_grad]
    sums = [tensor.view(_BITS[tensor.element_size()]).sum(dtype=torch.int64) for _, tensor in named]
    names = [name.replace(".modules_to_save.default", "").replace(".default", "") for name, _ in named]
    return dict(zip(names, torch.stack(sums).tolist(), strict=True))
