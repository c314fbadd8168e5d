"""Honest runs of the plain Trainer and of Seq2SeqTrainer, by name."""

import importlib.util
from typing import Any

from tests.genuine import bases
from tests.genuine.publishing import CannotTrainError, arguments, publish, tokenizer_for

ROWS = 16


class Stop(KeyboardInterrupt):
    """The machine went away in the middle of a run."""


def labelled(encoder: Any, rows: int = ROWS, seed: int = 3) -> list[dict[str, Any]]:
    """Rows for a causal model: the labels are the ids."""
    found = []
    for text in bases.texts(rows, seed):
        ids = encoder(text)["input_ids"]
        found.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": list(ids)})
    return found


def classified(encoder: Any, rows: int = ROWS, seed: int = 3) -> list[dict[str, Any]]:
    """Rows for a classifier of two classes."""
    return [
        {**{key: encoder(text)[key] for key in ("input_ids", "attention_mask")}, "labels": number % 2}
        for number, text in enumerate(bases.texts(rows, seed))
    ]


def pictures(encoder: Any, rows: int = ROWS, seed: int = 3) -> list[dict[str, Any]]:
    """Rows for an image classifier."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    return [
        {"pixel_values": torch.randn(3, 8, 8, generator=draw), "labels": number % 2} for number in range(rows)
    ]


TASKS: dict[str, tuple[str, Any]] = {
    "CAUSAL_LM": ("AutoModelForCausalLM", labelled),
    "SEQ_CLS": ("AutoModelForSequenceClassification", classified),
    "TOKEN_CLS": ("AutoModelForTokenClassification", None),
    "SEQ_2_SEQ_LM": ("AutoModelForSeq2SeqLM", labelled),
    "IMAGE": ("AutoModelForImageClassification", pictures),
}


def tuner(kind: str, settings: dict[str, Any], task: str | None) -> Any:
    """The PEFT configuration of a class, or a reason why this release has none such."""
    import dataclasses

    import peft

    if not hasattr(peft, kind):
        raise CannotTrainError(f"peft has no {kind}")
    made = getattr(peft, kind)
    missing = sorted(settings.keys() - {field.name for field in dataclasses.fields(made)})
    if missing:
        raise CannotTrainError(f"{kind} has no {', '.join(missing)}")
    return made(task_type=task, **settings)


def wrapped(settings: dict[str, Any], task: str) -> tuple[Any, Any]:
    """The model with its adapter, and its tokenizer (None for images)."""
    import peft
    import torch
    import transformers

    path = bases.base(settings["base"])
    torch.manual_seed(11)
    encoder: Any = None
    if task != "IMAGE":
        encoder = transformers.AutoTokenizer.from_pretrained(path)
        if encoder.pad_token is None:
            encoder.pad_token = encoder.eos_token
    load = {"torch_dtype": getattr(torch, settings["dtype"])} if "dtype" in settings else {}
    model = getattr(transformers, TASKS[task][0]).from_pretrained(path, **load)
    if encoder is not None and model.config.pad_token_id is None:
        model.config.pad_token_id = encoder.pad_token_id
    if settings.get("new_tokens"):
        encoder.add_tokens(settings["new_tokens"])
        model.resize_token_embeddings(len(encoder))
    if settings.get("tuner"):
        kind, chosen = settings["tuner"]
        model = peft.get_peft_model(model, tuner(kind, chosen, settings.get("task_type", task)))
    return model, encoder


def collator(task: str, encoder: Any) -> Any:
    """Pads ids and, for language models, labels."""
    import transformers

    if task == "IMAGE":
        return transformers.default_data_collator
    if task == "SEQ_CLS":
        return transformers.DataCollatorWithPadding(encoder)
    return transformers.DataCollatorForSeq2Seq(encoder, label_pad_token_id=-100)


def callbacks(settings: dict[str, Any], stop_at: int | None) -> list[Any]:
    """Early stopping, and the end of the machine at a step."""
    import transformers

    class Ends(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step == stop_at:
                raise Stop

    found: list[Any] = [Ends()] if stop_at else []
    if settings.get("patience"):
        found.append(transformers.EarlyStoppingCallback(settings["patience"]))
    return found


def made_trainer(name: str, settings: dict[str, Any], stop_at: int | None = None) -> Any:
    """A trainer as a script would build it anew in each process."""
    import transformers

    task = settings.get("task", "CAUSAL_LM")
    seq2seq = task == "SEQ_2_SEQ_LM"
    kind = transformers.Seq2SeqTrainingArguments if seq2seq else transformers.TrainingArguments
    args = arguments(kind, name, settings.get("args", {}))
    transformers.set_seed(args.seed)
    model, encoder = wrapped(settings, task)
    rows = TASKS[task][1]
    made = transformers.Seq2SeqTrainer if seq2seq else transformers.Trainer
    more = tokenizer_for(made, encoder) if encoder is not None else {}
    if settings.get("groups"):
        if not importlib.util.find_spec("peft.optimizers"):
            raise CannotTrainError("peft has no optimizers")
        from peft.optimizers import create_loraplus_optimizer
        from torch.optim import AdamW

        more["optimizers"] = (
            create_loraplus_optimizer(model, AdamW, lr=args.learning_rate, loraplus_lr_ratio=16),
            None,
        )
    return made(
        model=model,
        args=args,
        train_dataset=rows(encoder),
        eval_dataset=rows(encoder, 6, seed=5),
        data_collator=collator(task, encoder),
        callbacks=callbacks(settings, stop_at),
        **more,
    )


def train(name: str, settings: dict[str, Any]) -> None:
    """Train one run, in two processes' worth when the first one is to end early, and publish it."""
    resume = False
    if settings.get("stop_at"):
        try:
            made_trainer(name, settings, settings["stop_at"]).train()
        except Stop:
            resume = True
    trainer = made_trainer(name, settings)
    result = trainer.train(resume_from_checkpoint=resume or None)
    if settings.get("metrics"):
        trainer.save_metrics("train", {**result.metrics, "train_samples": ROWS})
        trainer.save_metrics("eval", trainer.evaluate())
    publish(trainer, name, f"{bases.OWNER}/{settings['base']}", bool(settings.get("metrics")))


LORA = ("LoraConfig", {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]})


def lora(**more: Any) -> tuple[str, dict[str, Any]]:
    """LORA with other settings."""
    return LORA[0], {**LORA[1], **more}


def run(base: str = "tiny-llama", args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One run's settings; LoRA on q_proj and v_proj unless another tuner is named."""
    return {"train": train, "base": base, "args": args or {}, "tuner": LORA, **more}


EVERY = {"eval_strategy": "steps", "eval_steps": 4}
RUNS: dict[str, dict[str, Any]] = {
    "plain": run(),
    "evaluated": run(args={**EVERY, "lr_scheduler_type": "cosine", "warmup_ratio": 0.1}, metrics=True),
    "best-kept": run(
        args={**EVERY, "load_best_model_at_end": True, "save_total_limit": 2, "num_train_epochs": 3},
        metrics=True,
    ),
    "resumed": run(args={"num_train_epochs": 3}, stop_at=9, metrics=True),
    "two-rates": run(args={"lr_scheduler_type": "cosine"}, groups=True),
    "accumulated": run(
        args={
            "gradient_accumulation_steps": 3,
            "save_strategy": "epoch",
            "logging_strategy": "epoch",
            "num_train_epochs": 3,
            "weight_decay": 0.1,
            "max_grad_norm": 0.5,
            "seed": 7,
        }
    ),
    "bin-files": run(args={"save_safetensors": False}),
    "head-saved": run(tuner=lora(modules_to_save=["lm_head"], bias="lora_only", use_rslora=True)),
    "tokens-added": run(
        new_tokens=["<tool>", "<end>"], tuner=lora(modules_to_save=["embed_tokens", "lm_head"])
    ),
    "dora": run(tuner=lora(use_dora=True, target_modules="all-linear")),
    "patterns": run(
        tuner=lora(
            target_modules=r".*\.(q_proj|up_proj)", rank_pattern={"up_proj": 2}, alpha_pattern={"up_proj": 4}
        )
    ),
    "classifier": run(
        "tiny-bert", tuner=lora(target_modules=["query", "value"]), task="SEQ_CLS", metrics=True
    ),
    "images": run(
        "tiny-vit",
        tuner=lora(target_modules=r".*\.(query|value|q_proj|v_proj)", modules_to_save=["classifier"]),
        task="IMAGE",
        task_type=None,
        args={"remove_unused_columns": False},
    ),
    "gpt2": run("tiny-gpt2", tuner=lora(target_modules=["c_attn"], fan_in_fan_out=True)),
    "experts": run("tiny-qwen3-moe", tuner=lora(target_modules=["q_proj", "v_proj"])),
    "expert-parameters": run(
        "tiny-qwen3-moe",
        tuner=lora(
            target_modules=["q_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
        ),
    ),
    "seq2seq": run(
        "tiny-t5",
        tuner=lora(target_modules=["q", "v"]),
        task="SEQ_2_SEQ_LM",
        args={**EVERY, "predict_with_generate": True, "generation_max_length": 8},
        metrics=True,
    ),
    "checkpointed": run(
        args={"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}}
    ),
    "bf16": run(args={"bf16": True}),
    "bf16-weights": run(dtype="bfloat16"),
    "fp16": run(args={"fp16": True, **EVERY}, metrics=True),
    "fp16-skipping": run(
        args={"fp16": True, "learning_rate": 3.0, "max_grad_norm": 0.0, "num_train_epochs": 4}
    ),
    "fp16-weights": run(dtype="float16", args={"fp16": True, "gradient_accumulation_steps": 2}),
    "adafactor": run(
        args={"optim": "adafactor", "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 2}
    ),
    "sgd": run(args={"optim": "sgd", "lr_scheduler_type": "polynomial", "warmup_steps": 3}),
    "plateau": run(args={**EVERY, "lr_scheduler_type": "reduce_lr_on_plateau"}),
    "restarts": run(
        args={"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 2}}
    ),
    "stopped-early": run(
        args={
            **EVERY,
            "eval_steps": 2,
            "save_steps": 2,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "num_train_epochs": 20,
            "learning_rate": 0.3,
        },
        patience=1,
    ),
    "searched-batch": run(args={"auto_find_batch_size": True, "per_device_train_batch_size": 4}),
    "by-steps": run(args={"max_steps": 5, "save_steps": 0.5, "logging_first_step": True, "logging_steps": 2}),
    "never-saved": run(args={"save_strategy": "no"}),
    "model-only": run(args={"save_only_model": True}),
    "counted": run(
        args={"include_num_input_tokens_seen": True, "dataloader_drop_last": True, "neftune_noise_alpha": 5}
    ),
    "dropped": run(tuner=lora(lora_dropout=0.1, init_lora_weights="gaussian", layers_to_transform=[1])),
    "pissa": run(tuner=lora(init_lora_weights="pissa")),
    "olora": run(tuner=lora(init_lora_weights="olora", use_rslora=True)),
    "bias-all": run(tuner=lora(bias="all")),
    "tokens-trained": run(tuner=lora(trainable_token_indices={"embed_tokens": [5, 6]})),
    "ia3": run(
        tuner=("IA3Config", {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]})
    ),
    "prompt": run(tuner=("PromptTuningConfig", {"num_virtual_tokens": 4})),
    "prefix": run("tiny-gpt2", tuner=("PrefixTuningConfig", {"num_virtual_tokens": 4})),
    "p-tuning": run(tuner=("PromptEncoderConfig", {"num_virtual_tokens": 4, "encoder_hidden_size": 16})),
    "loha": run(tuner=("LoHaConfig", {"r": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]})),
    "lokr": run(tuner=("LoKrConfig", {"r": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]})),
    "vera": run(tuner=("VeraConfig", {"r": 4, "target_modules": ["q_proj"]})),
    "oft": run(tuner=("OFTConfig", {"r": 0, "oft_block_size": 8, "target_modules": ["q_proj"]})),
    "adalora": run(
        tuner=(
            "AdaLoraConfig",
            {"init_r": 6, "target_r": 4, "total_step": 16, "target_modules": ["q_proj", "v_proj"]},
        )
    ),
    "whole": run(tuner=None, args={"learning_rate": 1e-4}),
}
