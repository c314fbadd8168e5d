"""Configurations of every platform, written by us: the honest tiny run as that platform would say it."""

import json
from collections.abc import Mapping

from auditor.model import Snapshot
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.repositories import healthy

CHEETAH = "cheetah-fine-tuning-config.json"
BASE = "tiny-labs/tiny-gemma3"

AUTOTRAIN: dict[str, object] = {
    "model": BASE,
    "project_name": "tiny-sums",
    "data_path": "tiny-sums/autotrain-data",
    "train_split": "train",
    "valid_split": None,
    "add_eos_token": True,
    "block_size": 64,
    "model_max_length": 2048,
    "padding": "right",
    "trainer": "sft",
    "log": "tensorboard",
    "disable_gradient_checkpointing": True,
    "logging_steps": -1,
    "eval_strategy": "epoch",
    "save_total_limit": 1,
    "auto_find_batch_size": False,
    "mixed_precision": None,
    "lr": 2e-3,
    "epochs": 1,
    "batch_size": 1,
    "warmup_ratio": 0.1,
    "gradient_accumulation": 2,
    "optimizer": "adamw_torch",
    "scheduler": "linear",
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "seed": 7,
    "chat_template": "none",
    "quantization": "int4",
    "target_modules": "all-linear",
    "merge_adapter": False,
    "peft": True,
    "lora_r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "dpo_beta": 0.1,
    "text_column": "text",
    "push_to_hub": False,
}
AUTOTRAIN_YAML = f"""
task: llm-sft
base_model: {BASE}
project_name: tiny-sums
log: tensorboard
backend: local
data:
  path: sums
  train_split: train
  valid_split: null
  chat_template: null
  column_mapping:
    text_column: text
params:
  block_size: 64
  lr: 2e-3
  epochs: 1
  batch_size: 1
  peft: true
  quantization: int4
  target_modules: q_proj,v_proj
  lora_r: 8
  lora_alpha: 16
  mixed_precision: bf16
  gradient_accumulation: 2
hub:
  username: ${{NAME}}
  token: ${{TOKEN}}
  push_to_hub: false
"""
LLAMA_FACTORY = f"""
model_name_or_path: {BASE}
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_alpha: 16
lora_dropout: 0.05
lora_target: q_proj, v_proj
dataset: sums
template: gemma
cutoff_len: 64
max_samples: 1000
output_dir: saves/output
logging_steps: 1
save_steps: 9
plot_loss: true
per_device_train_batch_size: 1
gradient_accumulation_steps: 2
learning_rate: 2e-3
num_train_epochs: 1.0
lr_scheduler_type: linear
warmup_ratio: 0.1
eval_strategy: no
quantization_bit: 4
"""
LLAMA_BOARD = """
top.finetuning_type: lora
top.quantization_bit: '4'
top.template: gemma
train.batch_size: 1
train.compute_type: bf16
train.cutoff_len: 64
train.gradient_accumulation_steps: 2
train.learning_rate: 2e-3
train.lora_alpha: 16
train.lora_dropout: 0.05
train.lora_rank: 8
train.lora_target: ''
train.num_train_epochs: '1.0'
train.training_stage: Supervised Fine-Tuning
"""
AXOLOTL = f"""
base_model: {BASE}
model_type: AutoModelForCausalLM
load_in_8bit: false
load_in_4bit: true
strict: false
datasets:
  - path: sums
    type: alpaca
dataset_prepared_path:
val_set_size: 0
output_dir: ./tiny/output
adapter: qlora
lora_model_dir:
sequence_len: 64
sample_packing: true
pad_to_sequence_len: true
lora_r: 8
lora_alpha: 16
lora_dropout: 0.05
lora_target_modules:
lora_target_linear: true
wandb_project:
gradient_accumulation_steps: 2
micro_batch_size: 1
num_epochs: 1
optimizer: adamw_bnb_8bit
lr_scheduler: cosine
learning_rate: 2e-3
bf16: auto
tf32: false
gradient_checkpointing: true
logging_steps: 1
flash_attention: true
warmup_steps: 10
evals_per_epoch: 4
eval_steps: 20
saves_per_epoch: 1
weight_decay: 0.0
special_tokens:
"""
TRL = f"""
model_name_or_path: {BASE}
dataset_name: tiny-labs/tiny-sums
learning_rate: 2.0e-3
num_train_epochs: 1
per_device_train_batch_size: 1
gradient_accumulation_steps: 2
max_length: 64
packing: false
dataset_text_field: text
eval_strategy: steps
eval_steps: 9
output_dir: tiny-sums/output
use_peft: true
lora_r: 8
lora_alpha: 16
lora_target_modules: all-linear
load_in_4bit: true
bf16: true
report_to: none
"""
MS_SWIFT: dict[str, object] = {
    "output_dir": "/tiny-sums/output",
    "model": BASE,
    "model_type": "gemma3_text",
    "template": "gemma3_text",
    "torch_dtype": "bfloat16",
    "train_type": "lora",
    "lora_rank": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "lora_bias": "none",
    "target_modules": ["all-linear"],
    "use_dora": False,
    "quant_bits": 4,
    "max_length": 64,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 2,
    "learning_rate": 2e-3,
    "num_train_epochs": 1.0,
    "max_steps": -1,
    "eval_strategy": "no",
    "save_strategy": "steps",
    "save_steps": 9.0,
    "bf16": True,
    "fp16": False,
    "seed": 42,
    "data_seed": 1,
    "gradient_checkpointing": True,
    "deepspeed": None,
    "padding_side": "right",
}
TORCHTUNE = """
output_dir: /tmp/tiny-sums/output
model:
  _component_: torchtune.models.gemma.qlora_gemma_2b
  lora_attn_modules: ['q_proj', 'v_proj', 'output_proj']
  apply_lora_to_mlp: True
  lora_rank: 8
  lora_alpha: 16
  lora_dropout: 0.05
tokenizer:
  _component_: torchtune.models.gemma.gemma_tokenizer
  path: /tmp/tokenizer.model
  max_seq_len: 64
checkpointer:
  _component_: torchtune.training.FullModelHFCheckpointer
  checkpoint_dir: /tmp/tiny-gemma3
dataset:
  _component_: torchtune.datasets.alpaca_dataset
  packed: False
seed: null
shuffle: True
batch_size: 1
epochs: 1
optimizer:
  _component_: torch.optim.AdamW
  fused: True
  lr: 2e-3
lr_scheduler:
  _component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup
  num_warmup_steps: 100
gradient_accumulation_steps: 2
dtype: bf16
"""
UNSLOTH = f"""
model: {BASE}
data:
  dataset: sums
  format_type: auto
training:
  training_type: lora
  max_seq_length: 64
  load_in_4bit: true
  output_dir: fine-tuning/output
  num_epochs: 1
  learning_rate: 0.002
  batch_size: 1
  gradient_accumulation_steps: 2
  warmup_steps: 5
  max_steps: 0
  save_steps: 0
  random_seed: 3407
  packing: false
  train_on_completions: false
  gradient_checkpointing: "unsloth"
lora:
  lora_r: 8
  lora_alpha: 16
  lora_dropout: 0.05
  target_modules: "q_proj,v_proj"
  use_rslora: false
  use_loftq: false
logging:
  enable_wandb: false
"""
EVERY: Mapping[str, tuple[str, str | Mapping[str, object]]] = {
    "autotrain": ("training_params.json", AUTOTRAIN),
    "autotrain yaml": ("config.yaml", AUTOTRAIN_YAML),
    "llama factory": ("train.yaml", LLAMA_FACTORY),
    "llama board": ("llamaboard_config.yaml", LLAMA_BOARD),
    "axolotl": ("config.yml", AXOLOTL),
    "trl": ("sft.yaml", TRL),
    "ms-swift": ("args.json", MS_SWIFT),
    "torchtune": ("recipe.yaml", TORCHTUNE),
    "unsloth": ("unsloth.yaml", UNSLOTH),
}
"""Name of the file and content, by what it is."""


def text_of(content: str | Mapping[str, object]) -> str:
    """YAML as it is, a mapping as JSON."""
    return content if isinstance(content, str) else json.dumps(content)


def recipe_of(path: str, content: str | Mapping[str, object]) -> Recipe:
    """What is read from a file, which some platform must know."""
    found = read_recipe(path, blob(text_of(content), path))
    assert found is not None
    return found


def with_config(path: str, content: str | Mapping[str, object], **edits: object) -> Snapshot:
    """The honest tiny repository with this declared configuration in the place of Cheetah's."""
    without = [CHEETAH, *edits.pop("without", [])]  # type: ignore[misc]
    return healthy(without=without, text={path: text_of(content)}, **edits)
