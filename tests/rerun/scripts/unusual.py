"""A fine-tuning with arguments that few scripts set: TrainingArguments and LoraConfig take what is handed over.

Nothing of auditor is used. BASE DATA OUTPUT ARGUMENTS LORA, the last two JSON objects.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, set_seed

ARGUMENTS: dict[str, Any] = {
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 2,
    "learning_rate": 2e-3,
    "lr_scheduler_type": "linear",
    "logging_steps": 1,
    "save_steps": 4,
    "seed": 11,
    "report_to": "none",
    "use_cpu": True,
    "disable_tqdm": True,
}
LORA: dict[str, Any] = {
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.1,
    "target_modules": ["q_proj", "v_proj"],
    "task_type": "CAUSAL_LM",
}


def collator(
    multiple: int = 1, left: bool = False
) -> Callable[[Sequence[dict[str, list[int]]]], dict[str, Any]]:
    """Rows padded to the longest, or to the next multiple, with pads that neither labels nor attention see."""

    def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        width = -(-max(len(item["input_ids"]) for item in features) // multiple) * multiple
        ids = torch.zeros((len(features), width), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for number, item in enumerate(features):
            length = len(item["input_ids"])
            where = slice(width - length, width) if left else slice(length)
            ids[number, where] = torch.tensor(item["input_ids"])
            mask[number, where] = 1
        return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}

    return collate


def train(
    base: str, data: str, output: str, arguments: dict[str, Any], lora: dict[str, Any], **padding: Any
) -> None:
    """Train and save."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    texts = [json.loads(line)["text"] for line in Path(data).read_text(encoding="utf-8").splitlines()]
    rows = [{"input_ids": list(tokenizer(text)["input_ids"])} for text in texts]
    options = TrainingArguments(output_dir=output, **{**ARGUMENTS, **arguments})
    model = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    model.config.use_cache = False
    set_seed(options.seed)
    model = get_peft_model(model, LoraConfig(**{**LORA, **lora}))
    trainer = Trainer(model=model, args=options, data_collator=collator(**padding), train_dataset=rows)
    trainer.train()
    trainer.save_model()
    trainer.save_state()


if __name__ == "__main__":
    _, folder, file, target, *tables = sys.argv
    train(folder, file, target, *map(json.loads, tables))
