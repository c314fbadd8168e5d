"""The reference trainer: transformers' Trainer with its own sampler and a logged batch, on next-token prediction."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..arguments import lora_config, name_base, training_arguments
from ..job import ROW_KEYS, Job, Settings, total_steps
from ..libraries import peft, torch, transformers
from ..patches import inputs_of_zeros
from ..rows import Examples, Padding, load_examples, pad
from ..steplog import StepLog


def load(job: Job, tokenizer: Any) -> Examples:
    """Returns the rows of the data as token ids; raises RowsError."""
    return load_examples(job.data, tokenizer, replaced=job.rows, **job.settings.only(ROW_KEYS))


def build(job: Job, base: Any, examples: Examples, tokenizer: Any, log: StepLog) -> Any:
    """Returns a Trainer of the base with a new adapter, or of the whole base."""
    s = job.settings
    length = s.max_length if s.pad_to_max_length else None
    padding = Padding(length, s.pad_to_multiple_of, s.padding_side == "left")
    zeros = inputs_of_zeros(str(base.config.model_type))
    return transformers.Trainer(
        model=trainable(base, s),
        args=training_arguments(job, total_steps(len(examples), s)),
        train_dataset=examples,
        data_collator=collator(examples, tokenizer.pad_token_id or 0, padding, log, zeros),
        **{tokenizer_argument(): tokenizer},
    )


def tokenizer_argument() -> str:
    """Returns what the Trainer calls its tokenizer: ``tokenizer`` before transformers 4.46."""
    known = inspect.signature(transformers.Trainer.__init__).parameters
    return "processing_class" if "processing_class" in known else "tokenizer"


def trainable(base: Any, settings: Settings) -> Any:
    """Returns the base with a new adapter, drawn right after the seed is set, or from a seed of its own.

    Without an adapter every parameter of the base is trained as it was loaded.
    """
    transformers.set_seed(settings.seed)
    if settings.init_seed is not None:
        torch.manual_seed(settings.init_seed)
        torch.rand(settings.init_skip)  # one 32-bit word each (ATen, DistributionsHelper.h, uniform_real)
    if settings.peft_type is None:
        return base
    model = peft.get_peft_model(base, lora_config(settings))
    name_base(model, settings)
    return model


def collator(
    examples: Examples, pad_id: int, padding: Padding, log: StepLog, zeros: Sequence[str] = ()
) -> Callable[[Sequence[dict[str, list[int]]]], dict[str, Any]]:
    """Returns a collate function that logs its batch: input_ids, attention_mask and labels, int64.

    ``zeros`` name inputs of the same shape that hold zeros alone.
    """

    def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        padded = pad([feature["input_ids"] for feature in features], pad_id, padding)
        log.collated(
            examples.take_drawn(len(features)), padded["input_ids"], sum(map(sum, padded["attention_mask"]))
        )
        batch = {key: torch.tensor(value, dtype=torch.int64) for key, value in padded.items()}
        return batch | {key: torch.zeros_like(batch["input_ids"]) for key in zeros}

    return collate
