"""What the sixth set's scripts do around the Trainer: modules kept still or trained beside, Ctrl-C, another mean."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

BESIDE = "trainable_params.bin"
"""Where the scripts of LongLoRA keep what is trained beside the adapter."""


class BatchMean(transformers.Trainer):  # type: ignore[misc]
    """The mean of the loss of each batch, and the mean of these: transformers until 4.45."""

    def __init__(self, *values: Any, **more: Any) -> None:
        super().__init__(*values, **more)
        self.model_accepts_loss_kwargs = False


class Interrupts(transformers.TrainerCallback):  # type: ignore[misc]
    """Ctrl-C while the step after this one is computed."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Raises KeyboardInterrupt at the step."""
        if state.global_step == self.step:
            raise KeyboardInterrupt


def prepared(habit: str, model: Any, config: Any) -> Any:
    """The wrapped model as the script has it before it hands it to the Trainer."""
    if habit == "second adapter":
        model.add_adapter("judge", config)
        model.set_adapter("default")
    for name, parameter in model.named_parameters():
        if habit == "A still" and "lora_A" in name:
            parameter.requires_grad_(False)
        if habit == "norms" and _is_norm(name):
            parameter.requires_grad_(True)
    return model


def _is_norm(name: str) -> bool:
    return "norm" in name and "lora_" not in name


def norms_saved(model: Any, output: Path) -> None:
    """The norms in a file of their own."""
    found = {name: value.detach().clone() for name, value in model.named_parameters() if _is_norm(name)}
    torch.save(found, output / BESIDE)


def end_unlearned(
    collate: Callable[[Sequence[Any]], dict[str, Any]], ids: list[int]
) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """A collator whose batches have no labels for the last three tokens of one row."""

    def collated(features: Sequence[Any]) -> dict[str, Any]:
        batch = collate(features)
        for labels, row in zip(batch["labels"], features, strict=True):
            if row["input_ids"] == ids:
                labels[len(ids) - 3 : len(ids)] = -100
        return batch

    return collated
