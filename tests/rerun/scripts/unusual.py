"""A fine-tuning with arguments that few scripts set: TrainingArguments and LoraConfig take what is handed over.

Nothing of auditor is used. BASE DATA OUTPUT ARGUMENTS LORA, the last two JSON objects.
"""

import json
import sys
from collections.abc import Sequence
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


def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """Rows padded on the right to the longest, which neither labels nor attention see."""
    width = max(len(item["input_ids"]) for item in features)
    ids = torch.tensor([item["input_ids"] + [0] * (width - len(item["input_ids"])) for item in features])
    mask = torch.tensor([[int(at < len(item["input_ids"])) for at in range(width)] for item in features])
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def train(base: str, data: str, output: str, arguments: dict[str, Any], lora: dict[str, Any]) -> None:
    """Train and save."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    texts = [json.loads(line)["text"] for line in Path(data).read_text(encoding="utf-8").splitlines()]
    rows = [{"input_ids": list(tokenizer(text)["input_ids"])} for text in texts]
    options = TrainingArguments(output_dir=output, **{**ARGUMENTS, **arguments})
    model = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    model.config.use_cache = False
    set_seed(options.seed)
    model = get_peft_model(model, LoraConfig(**{**LORA, **lora}))
    trainer = Trainer(model=model, args=options, data_collator=collate, train_dataset=rows)
    trainer.train()
    trainer.save_model()
    trainer.save_state()


if __name__ == "__main__":
    _, folder, file, target, *tables = sys.argv
    train(folder, file, target, *map(json.loads, tables))
