"""A training loop of one's own on an adapter by PEFT, which leaves nothing but the adapter: no Trainer, no states.

In the style of peft's examples without a Trainer; nothing of auditor is used.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, get_linear_schedule_with_warmup

BATCH = 2
TARGETS = ["q_proj", "v_proj"]


def main(arguments: Sequence[str] | None = None) -> None:
    """BASE DATA OUTPUT SEED [RATE [STEPS]]."""
    base, data, output, seed, *more = sys.argv[1:] if arguments is None else arguments
    rate = float(more[0]) if more else 5e-3
    steps = int(more[1]) if len(more) > 1 else 5
    torch.manual_seed(int(seed))
    tokenizer = AutoTokenizer.from_pretrained(base)
    texts = [json.loads(line)["text"] for line in Path(data).read_text(encoding="utf-8").splitlines()]
    model = AutoModelForCausalLM.from_pretrained(base)
    model = get_peft_model(model, LoraConfig(TaskType.CAUSAL_LM, r=2, lora_alpha=4, target_modules=TARGETS))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = get_linear_schedule_with_warmup(optimizer, 1, steps)
    order = torch.randperm(len(texts)).tolist()
    for step in range(steps):
        drawn = [texts[order[(step * BATCH + k) % len(texts)]] for k in range(BATCH)]
        batch = tokenizer(drawn, return_tensors="pt", padding=True, truncation=True, max_length=32)
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        print(f"step {step + 1}: loss {loss.item():.4f}")  # noqa: T201 - as people do
    model.save_pretrained(output)


if __name__ == "__main__":
    main()
