"""What users' scripts do around the Trainer: subclasses, a callback, optimizers of their own, masked prompts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import transformers

from benchmarks.detection import trainer as plain

LORA_PLUS_RATIO = 16.0
"""How much faster lora_B learns: the ratio that the paper of LoRA+ (Hayou et al., 2024) recommends."""


class InFileOrder(transformers.Trainer):  # type: ignore[misc]
    """Rows as the file has them."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(train_dataset or self.train_dataset)


class Penalized(transformers.Trainer):  # type: ignore[misc]
    """Cross entropy and a small penalty on the size of the logits."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any) -> Any:
        """The loss of a batch, with the model's outputs where they are asked for."""
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **more)
        loss = loss + 1e-3 * outputs.logits.float().logsumexp(-1).pow(2).mean()
        return (loss, outputs) if return_outputs else loss


TRAINERS: Mapping[str, Any] = {"file order": InFileOrder, "penalty": Penalized}


class Watches(transformers.TrainerCallback):  # type: ignore[misc]
    """Keeps a moving average of the trained weights aside, and the largest of them, and changes nothing."""

    def __init__(self) -> None:
        self.means: dict[str, Any] = {}
        self.largest = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Look at the weights after a step."""
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                value = parameter.detach().clone()
                self.means[name] = self.means.get(name, value) * 0.9 + value * 0.1
                self.largest = max(self.largest, float(value.abs().max()))


def optimizer(habit: str, model: Any, rate: float, decay: float) -> Any:
    """The optimizer that a script makes by itself, or None where the Trainer makes it."""
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    first = [value for name, value in trained if "lora_B" not in name]
    second = [value for name, value in trained if "lora_B" in name]
    if habit == "LoRA+":
        groups = [{"params": first, "lr": rate}, {"params": second, "lr": rate * LORA_PLUS_RATIO}]
        return torch.optim.AdamW(groups, lr=rate, weight_decay=0.0)
    if habit == "decay of B":
        groups = [{"params": first, "weight_decay": 0.0}, {"params": second, "weight_decay": decay}]
        return torch.optim.AdamW(groups, lr=rate)
    return None


def masked(collate: Callable[[Sequence[Any]], dict[str, Any]]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """A collator whose batches have no labels before the last third of a row's tokens."""

    def collated(features: Sequence[Any]) -> dict[str, Any]:
        batch = collate(features)
        for labels, row in zip(batch["labels"], features, strict=True):
            labels[: len(row["input_ids"]) * 2 // 3] = -100
        return batch

    return collated


def loop(model: Any, rows: Sequence[dict[str, list[int]]], steps: int, rate: float, seed: int) -> None:
    """A loop of torch alone: batches of 8 in an order that its own generator draws, a constant rate."""
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.optim.AdamW([value for value in model.parameters() if value.requires_grad], lr=rate)
    model.train()
    order: list[int] = []
    for _ in range(steps):
        order = order if len(order) >= 8 else torch.randperm(len(rows), generator=draw).tolist()
        batch, order = order[:8], order[8:]
        loss = model(**plain.batch_of([rows[number] for number in batch])).loss
        loss.backward()
        chosen.step()
        chosen.zero_grad()
