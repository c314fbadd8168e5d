"""The vocabulary of Cheetah's fine-tuning configuration: where each key stands and what trainers call it.

Source: the file's own groups; the names and their meaning are those of AutoTrain 0.8.36
(trainers/clm/params.py, LLMTrainingParams), from which the platform's vocabulary comes, and of transformers'
TrainingArguments.
"""

from collections.abc import Mapping

GROUPS: frozenset[str] = frozenset(
    {
        "save_model",
        "dataset",
        "tokenizer_parameters",
        "model",
        "peft",
        "train_model_parameters",
        "train_model_parameters/column_mappings",
    }
)
"""Objects whose members are keys of the vocabulary; every other object is a value."""

MEANING: Mapping[str, str] = {
    "experiment_name": "experiment_name",
    "trainer": "trainer",
    "save_model/type": "output_type",
    "save_model/model_repository": "output_repository",
    "save_model/model_branch": "output_branch",
    "save_model/model_path": "output_path",
    "dataset/type": "dataset_type",
    "dataset/dataset_repository": "dataset",
    "dataset/dataset_branch": "dataset_revision",
    "dataset/dataset_path": "dataset_path",
    "tokenizer_parameters/block_size": "block_size",
    "tokenizer_parameters/max_length": "max_length",
    "tokenizer_parameters/padding": "padding_side",
    "tokenizer_parameters/add_eos_token": "add_eos_token",
    "model/type": "base_type",
    "model/model_path": "base_model",
    "model/model_repository": "base_repository",
    "model/model_branch": "base_revision",
    "peft/quantization": "quantization",
    "peft/merge_adapter": "merge_adapter",
    "peft/tuner": "tuner",
    "peft/peft": "peft",
    "peft/lora_r": "r",
    "train_model_parameters/log": "report_to",
    "train_model_parameters/scheduler": "lr_scheduler_type",
    "train_model_parameters/batch_size": "per_device_train_batch_size",
    "train_model_parameters/optimizer": "optim",
    "train_model_parameters/dataset_text_field": "text_column",
    "train_model_parameters/column_mappings/text_column": "text_column",
    "train_model_parameters/evaluation_strategy": "eval_strategy",
    "train_model_parameters/mixed_precision": "mixed_precision",
    "train_model_parameters/use_flash_attention": "use_flash_attention",
    "train_model_parameters/gradient_accumulation": "gradient_accumulation_steps",
    "train_model_parameters/disable_gc": "gradient_checkpointing",
    "train_model_parameters/lr": "learning_rate",
    "train_model_parameters/epochs": "num_train_epochs",
}
"""Path of a key (groups joined by "/") -> canonical name."""

INVERSE: frozenset[str] = frozenset({"train_model_parameters/disable_gc"})

LORA_NAMES: frozenset[str] = frozenset(
    {
        "bias",
        "exclude_modules",
        "init_lora_weights",
        "layers_to_transform",
        "lora_alpha",
        "lora_dropout",
        "modules_to_save",
        "r",
        "target_modules",
        "task_type",
        "use_dora",
        "use_rslora",
    }
)
"""Members of ``peft`` that are spelled as in peft.LoraConfig."""

TRAINER_NAMES: frozenset[str] = frozenset(
    {
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "auto_find_batch_size",
        "bf16",
        "data_seed",
        "ddp_find_unused_parameters",
        "eval_steps",
        "eval_strategy",
        "fp16",
        "gradient_accumulation_steps",
        "gradient_checkpointing",
        "group_by_length",
        "label_smoothing_factor",
        "learning_rate",
        "logging_first_step",
        "logging_steps",
        "logging_strategy",
        "lr_scheduler_kwargs",
        "lr_scheduler_type",
        "max_grad_norm",
        "max_steps",
        "neftune_noise_alpha",
        "num_train_epochs",
        "optim",
        "output_dir",
        "packing",
        "per_device_eval_batch_size",
        "per_device_train_batch_size",
        "report_to",
        "save_only_model",
        "save_steps",
        "save_strategy",
        "save_total_limit",
        "seed",
        "warmup_ratio",
        "warmup_steps",
        "weight_decay",
    }
)
"""Members of ``train_model_parameters`` that are spelled as in TrainingArguments or trl's SFTConfig."""

OTHER: frozenset[str] = frozenset(
    {
        "train_model_parameters/column_mappings/prompt_text_column",
        "train_model_parameters/column_mappings/rejected_text_column",
        "train_model_parameters/chat_template",
        "train_model_parameters/max_prompt_length",
        "train_model_parameters/max_completion_length",
        "train_model_parameters/distributed_backend",
        "train_model_parameters/model_ref",
        "train_model_parameters/dpo_beta",
        "train_model_parameters/use_fsdp2",
        "train_model_parameters/unsloth",
        "train_model_parameters/do_train",
        "train_model_parameters/do_eval",
        "train_model_parameters/do_predict",
    }
)
"""Known keys that no canonical name stands for; they are kept in settings under their own last part."""

SAME: tuple[tuple[str, str], ...] = (("max_length", "block_size"),)
"""Canonical names that mean one thing to the trainer: the first is kept, the second its duplicate."""

FREE_TEXT: frozenset[str] = frozenset(
    {
        "experiment_name",
        "dataset/dataset_branch",
        "dataset/dataset_path",
        "dataset/dataset_repository",
        "model/model_branch",
        "model/model_path",
        "model/model_repository",
        "save_model/model_branch",
        "save_model/model_path",
        "save_model/model_repository",
        "train_model_parameters/column_mappings/prompt_text_column",
        "train_model_parameters/column_mappings/rejected_text_column",
        "train_model_parameters/column_mappings/text_column",
        "train_model_parameters/dataset_text_field",
        "train_model_parameters/output_dir",
    }
)
"""Keys whose value is a name, so that no string in them is suspicious."""

ALWAYS_INERT: frozenset[str] = frozenset({"train_model_parameters/do_predict"})
"""TrainingArguments.do_predict: "not directly used by Trainer" (transformers, training_args.py)."""

PREFERENCE_ONLY: frozenset[str] = frozenset(
    {
        "train_model_parameters/column_mappings/prompt_text_column",
        "train_model_parameters/column_mappings/rejected_text_column",
        "train_model_parameters/dpo_beta",
        "train_model_parameters/max_completion_length",
        "train_model_parameters/max_prompt_length",
        "train_model_parameters/model_ref",
    }
)
"""Keys that only preference trainers (dpo, orpo, reward) read (AutoTrain, trainers/clm/params.py)."""

SUPERVISED: frozenset[str] = frozenset({"default", "generic", "sft"})
"""Trainers that read no preference key."""

TYPES: Mapping[str, str] = {
    "add_eos_token": "boolean",
    "block_size": "integer",
    "lora_alpha": "number",
    "lora_dropout": "number",
    "max_length": "integer",
    "merge_adapter": "boolean|null",
    "peft": "boolean",
    "r": "integer",
    "target_modules": "array|null|string",
    "use_dora": "boolean",
    "use_rslora": "boolean",
}
"""Types by canonical name of what is no field of TrainingArguments (peft.LoraConfig; AutoTrain's params.py)."""
