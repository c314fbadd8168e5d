"""Causal language modelling with the Trainer, an adapter by PEFT or the whole model: a script as people write them.

In the style of transformers' examples/pytorch/language-modeling and of peft's examples; nothing of auditor is used.
"""

import argparse
from collections.abc import Sequence

from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)


class StopAt(TrainerCallback):  # type: ignore[misc]
    """Ends training early and keeps the schedule of the whole."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
        """Ask for a checkpoint and no more steps."""
        if state.global_step >= self.step:
            control.should_save = control.should_training_stop = True


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The script's options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_name_or_path", required=True)
    parser.add_argument("--train_file", required=True)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--lora_r", type=int, default=4, help="0 trains the whole model")
    parser.add_argument("--learning_rate", type=float, default=2e-3)
    parser.add_argument("--max_steps", type=int, default=6)
    parser.add_argument("--stop_at", type=int, default=0)
    parser.add_argument("--save_steps", type=int, default=3)
    parser.add_argument("--max_length", type=int, default=32)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and save."""
    args = parse(arguments)
    set_seed(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.model_name_or_path)
    rows = Dataset.from_json(args.train_file, keep_in_memory=True).to_list()
    tokens = [tokenizer(row["text"], truncation=True, max_length=args.max_length) for row in rows]
    train = [{key: item[key] for key in ("input_ids", "attention_mask")} for item in tokens]
    model = AutoModelForCausalLM.from_pretrained(args.model_name_or_path, attn_implementation="eager")
    model.config.use_cache = False
    if args.lora_r:
        set_seed(args.seed)
        targets = ["q_proj", "v_proj", "down_proj"]
        config = LoraConfig(
            r=args.lora_r, lora_alpha=8, lora_dropout=0.0, target_modules=targets, task_type="CAUSAL_LM"
        )
        model = get_peft_model(model, config)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=args.output_dir,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=1,
            learning_rate=args.learning_rate,
            max_steps=args.max_steps,
            save_steps=args.save_steps,
            logging_steps=1,
            warmup_steps=1,
            seed=args.seed,
            report_to="none",
        ),
        train_dataset=train,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
        callbacks=[StopAt(args.stop_at)] if args.stop_at else None,
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()


if __name__ == "__main__":
    main()
