"""TRL's DPOTrainer: chosen against rejected answers, with the base without its adapter as the reference model."""

from typing import Any

import datasets
import trl

from ..arguments import lora_config, name_base, training_arguments
from ..job import Job, total_steps
from ..records import logged, records
from ..steplog import StepLog


def load(job: Job, tokenizer: Any) -> Any:
    """Returns the rows as a data set of prompt, chosen and rejected; raises RowsError naming a missing column."""
    columns = [["prompt", "chosen", "rejected"]]
    return datasets.Dataset.from_list(records(job, columns))


def build(job: Job, base: Any, examples: Any, tokenizer: Any, log: StepLog) -> Any:
    """Returns TRL's Trainer with the arguments that only it has as the run's own file gives them."""
    s = job.settings
    own = {} if s.max_length is None else {"max_length": s.max_length}
    trainer = trl.DPOTrainer(
        model=base,
        args=training_arguments(
            job, total_steps(len(examples), s), trl.DPOConfig, **{**own, **s.trainer_arguments}
        ),
        train_dataset=examples,
        processing_class=tokenizer,
        peft_config=lora_config(s),
    )
    name_base(trainer.model, s)
    return logged(trainer, job, log)
