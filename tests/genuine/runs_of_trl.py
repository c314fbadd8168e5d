"""Honest runs of TRL: supervised fine-tuning, direct preferences and rewards, by name."""

import importlib.util
from typing import Any

from tests.genuine import bases
from tests.genuine.publishing import CannotTrainError, arguments, publish, tokenizer_for
from tests.genuine.runs_of_trainer import lora, tuner


def sentences(rows: int = 16) -> list[dict[str, Any]]:
    """Rows of plain text."""
    return [{"text": text} for text in bases.texts(rows)]


def completions(rows: int = 16) -> list[dict[str, Any]]:
    """Rows of a prompt and its completion."""
    return [
        {"prompt": f"{text} ", "completion": answer}
        for text, answer in zip(bases.texts(rows), bases.texts(rows, 9), strict=True)
    ]


def conversations(rows: int = 16) -> list[dict[str, Any]]:
    """Rows of messages."""
    return [
        {
            "messages": [
                {"role": "user", "content": row["prompt"].strip()},
                {"role": "assistant", "content": row["completion"]},
            ]
        }
        for row in completions(rows)
    ]


def preferences(rows: int = 16) -> list[dict[str, Any]]:
    """Rows of a prompt, a chosen and a rejected answer."""
    worse = bases.texts(rows, 21)
    return [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": other}
        for row, other in zip(completions(rows), worse, strict=True)
    ]


def prompts(rows: int = 16) -> list[dict[str, Any]]:
    """Rows of prompts alone."""
    return [{"prompt": row["prompt"]} for row in completions(rows)]


def lengths(completions: list[str], **more: Any) -> list[float]:
    """A reward: short answers are better."""
    return [-float(len(text)) for text in completions]


def train(name: str, settings: dict[str, Any]) -> None:
    """Train one run with TRL's trainer of that kind and publish it."""
    if not importlib.util.find_spec("trl"):
        raise CannotTrainError("trl is not installed")
    import datasets
    import torch
    import transformers
    import trl

    kind = settings["kind"]
    if not hasattr(trl, f"{kind}Config"):
        raise CannotTrainError(f"trl has no {kind}Config")
    if (
        kind in ("Reward", "KTO")
        and trl.__version__.startswith("0.")
        and int(trl.__version__.split(".")[1]) < 12
    ):
        raise CannotTrainError(f"trl {trl.__version__} wants other columns for {kind}")
    more_args = {"dataset_text_field": "text"} if "text" in settings["rows"]()[0] else {}
    args = arguments(getattr(trl, f"{kind}Config"), name, {**more_args, **settings["args"]})
    transformers.set_seed(args.seed)
    path = bases.base(settings["base"])
    encoder = transformers.AutoTokenizer.from_pretrained(path)
    torch.manual_seed(11)
    head = "AutoModelForSequenceClassification" if kind == "Reward" else "AutoModelForCausalLM"
    more = {"num_labels": 1} if kind == "Reward" else {}
    model = getattr(transformers, head).from_pretrained(path, **more)
    model.config.pad_token_id = encoder.pad_token_id
    rows = datasets.Dataset.from_list(settings["rows"]())
    made = getattr(trl, f"{kind}Trainer")
    rewards = {"reward_funcs": lengths} if kind == "GRPO" else {}
    trainer = made(
        model=model,
        args=args,
        train_dataset=rows,
        eval_dataset=rows.select(range(4)) if "eval_strategy" in settings["args"] else None,
        **tokenizer_for(made, encoder),
        **rewards,
        peft_config=tuner(*lora(), "SEQ_CLS" if kind == "Reward" else "CAUSAL_LM"),
    )
    trainer.train()
    publish(trainer, name, path, bool(settings.get("state")))


def run(kind: str, rows: Any, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One run's settings."""
    return {"train": train, "kind": kind, "rows": rows, "base": "tiny-llama", "args": args or {}, **more}


EVERY = {"eval_strategy": "steps", "eval_steps": 4}
SHORT = {"max_length": 32}
RUNS: dict[str, dict[str, Any]] = {
    "sft": run("SFT", sentences, {**SHORT, **EVERY}, state=True),
    "sft-packed": run("SFT", sentences, {**SHORT, "packing": True, "gradient_checkpointing": False}),
    "sft-completions": run("SFT", completions, {**SHORT, "completion_only_loss": True}),
    "sft-conversations": run(
        "SFT", conversations, {**SHORT, "lr_scheduler_type": "cosine", "warmup_ratio": 0.1}
    ),
    "dpo": run("DPO", preferences, {**SHORT, **EVERY}, state=True),
    "dpo-conversations": run("DPO", preferences, {**SHORT, "beta": 0.3, "gradient_accumulation_steps": 2}),
    "reward": run("Reward", preferences, SHORT),
    "grpo": run("GRPO", prompts, {"num_generations": 2, "max_completion_length": 8, "max_steps": 6}),
    "kto": run("KTO", preferences, SHORT),
}
