"""TRL's SFTTrainer and DPOTrainer on a small adapter, as TRL's own examples use them; nothing of auditor is used."""

import argparse
from collections.abc import Sequence

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The script's options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["sft", "dpo"])
    parser.add_argument("--model_name_or_path", required=True)
    parser.add_argument("--train_file", required=True)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--learning_rate", type=float, default=2e-3)
    parser.add_argument("--max_steps", type=int, default=6)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and save."""
    args = parse(arguments)
    model = AutoModelForCausalLM.from_pretrained(args.model_name_or_path, attn_implementation="eager")
    common = {
        "output_dir": args.output_dir,
        "max_steps": args.max_steps,
        "per_device_train_batch_size": 2,
        "learning_rate": args.learning_rate,
        "save_steps": args.max_steps // 2,
        "logging_steps": 1,
        "max_length": 32,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
    }
    if args.kind == "sft":
        trainer, made = SFTTrainer, SFTConfig(packing=False, **common)
    else:
        trainer, made = DPOTrainer, DPOConfig(beta=0.2, **common)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    run = trainer(
        model=model,
        args=made,
        train_dataset=Dataset.from_json(args.train_file, keep_in_memory=True),
        processing_class=AutoTokenizer.from_pretrained(args.model_name_or_path),
        peft_config=lora,
    )
    run.train()
    run.save_model()
    run.save_state()


if __name__ == "__main__":
    main()
