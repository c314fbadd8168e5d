"""The models of the fifth blind set: bases in 8 bits, embeddings of more tokens, adapters that start elsewhere."""

import json
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from peft import EvaConfig, get_peft_model, initialize_lora_eva_weights

from benchmarks.detection import trainer as plain
from benchmarks.detection.blind import trainer as blind
from benchmarks.detection.fifth.training import Run
from benchmarks.detection.inputs import base_path

TOKENS = ("<|im_start|>", "<|im_end|>")
HERE = plain.HERE


def tokenizer_of(run: Run) -> Any:
    """The base's tokenizer, with what the script adds to it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, run.architecture))
    if run.added:
        tokenizer.add_special_tokens({"additional_special_tokens": list(TOKENS)})
    if run.template:
        tokenizer.chat_template = run.template
    return tokenizer


def load(run: Run) -> Any:
    """The base model."""
    if run.int8:
        return _in_8_bits(run)
    model = blind.load(run)
    if run.added:
        torch.manual_seed(run.seed)
        model.resize_token_embeddings(len(tokenizer_of(run)))
    return model


def _in_8_bits(run: Run) -> Any:
    multimodal = run.architecture == "gemma3"
    kind = transformers.AutoModelForImageTextToText if multimodal else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(
        base_path(HERE, run.architecture, run.base),
        dtype=torch.float32,
        attn_implementation=run.attention,
        device_map={"": "cpu"},
        quantization_config=transformers.BitsAndBytesConfig(load_in_8bit=True),
    )
    model.config.use_cache = False
    return plain.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)


def wrapped(run: Run, rows: Sequence[dict[str, list[int]]]) -> Any:
    """The model with a new adapter."""
    model = load(run)
    transformers.set_seed(run.seed)
    config = blind.adapter(run)
    if run.eva:
        config.init_lora_weights, config.eva_config = "eva", EvaConfig(rho=2.0)
    model = get_peft_model(model, config, adapter_name=run.called, autocast_adapter_dtype=not run.half)
    if run.half:
        _halve(model)
    if run.eva:
        batches = [plain.batch_of(rows[at : at + 8]) for at in range(0, len(rows), 8)]
        initialize_lora_eva_weights(model, batches, show_progress_bar=False)
    model.peft_config[run.called].base_model_name_or_path = (
        str(base_path(HERE, run.architecture)) if run.added else run.name
    )
    return model


def _halve(model: Any) -> None:
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)


def examples(run: Run, tokenizer: Any) -> list[dict[str, list[int]]]:
    """What the Trainer is given, in the file's order."""
    rows = blind.examples(run, tokenizer)
    if not run.added:
        return rows
    first, last = (tokenizer.convert_tokens_to_ids(token) for token in TOKENS)
    return [{"input_ids": [first, *row["input_ids"], last]} for row in rows]


def until(run: Run) -> Run:
    """What the run was before it was gone on with."""
    values: dict[str, Any] = {**json.loads(run.before), "before": "{}"}
    return Run(**{**{name: getattr(run, name) for name in Run.__dataclass_fields__}, **values})
