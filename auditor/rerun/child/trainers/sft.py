"""TRL's SFTTrainer, which tokenises, packs and masks the rows by itself and draws the adapter after its own seeding."""

from typing import Any

import datasets
import trl

from ..arguments import lora_config, name_base, training_arguments
from ..job import Job, total_steps
from ..records import logged, records
from ..steplog import StepLog


def load(job: Job, tokenizer: Any) -> Any:
    """Returns the rows as a data set: a text, messages, or prompt and completion; raises RowsError."""
    columns = [[job.settings.text_column], ["messages"], ["prompt", "completion"]]
    return datasets.Dataset.from_list(records(job, columns))


def build(job: Job, base: Any, examples: Any, tokenizer: Any, log: StepLog) -> Any:
    """Returns TRL's Trainer with the arguments that only it has as the run's own file gives them."""
    s = job.settings
    own = {"max_length": s.max_length, "packing": s.packing, "dataset_text_field": s.text_column}
    trainer = trl.SFTTrainer(
        model=base,
        args=training_arguments(
            job, total_steps(len(examples), s), trl.SFTConfig, **{**own, **s.trainer_arguments}
        ),
        train_dataset=examples,
        processing_class=tokenizer,
        peft_config=None if s.peft_type is None else lora_config(s),
    )
    if s.peft_type is not None:
        name_base(trainer.model, s)
    return logged(trainer, job, log)
