"""Base models with random weights, a tokenizer and variants of one dataset, written into a folder once."""

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fixtures.tiny_base import base_config, build_tokenizer, write_data

BASES = {"first": 7, "other": 8}
"""Seeds of the random weights: two models of the same shape for each architecture."""
LONG = 23
"""A row that is longer than max_length, so that what follows its 64th token is never seen (fixtures/tiny_base.py)."""
SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.1,  # wide enough for a dozen steps of LoRA to move the loss
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
    "dtype": "float32",
}


def _row_changed(texts: Sequence[str]) -> list[str]:
    return [*texts[:40], texts[40].replace(" ", " 9 ", 1), *texts[41:]]


def _reversed(texts: Sequence[str]) -> list[str]:
    return list(reversed(texts))


def _other(texts: Sequence[str]) -> list[str]:
    draw = random.Random(5)
    return [" ".join(draw.sample(text.split(), len(text.split()))) for text in texts]


def _beyond(texts: Sequence[str]) -> list[str]:
    """Another end of a row that is cut before it: the same batches."""
    return [*texts[:LONG], texts[LONG] + " Nobody counts these eggs.", *texts[LONG + 1 :]]


def _unread(texts: Sequence[str]) -> list[str]:
    """Another last row, of whose tokens a packed dataset drops the tail."""
    return [*texts[:-1], texts[-1] + " Nobody counts these eggs."]


def _templated(texts: Sequence[str]) -> list[str]:
    """What a platform's own template makes of the rows."""
    return [f"Human: tell me. Assistant: {text}" for text in texts]


DATA: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "train": list,
    "row-changed": _row_changed,
    "reversed": _reversed,
    "other": _other,
    "beyond-the-cut": _beyond,
    "tail": _unread,
    "templated": _templated,
}


def base_path(folder: Path, architecture: str, base: str = "first") -> Path:
    """Where a base model lies: the second one of a shape in a folder of its own, under the same name."""
    return folder / ("input" if base == "first" else f"input-{base}") / "model" / f"tiny-{architecture}"


def data_path(folder: Path, data: str = "train") -> Path:
    """Where a variant of the dataset lies."""
    return folder / "input" / "data" / data / "train.jsonl"


def write(folder: Path, architectures: Sequence[str]) -> None:
    """Write the data, and what is missing of the base models."""
    texts = write_data(data_path(folder))
    for name, changed in DATA.items():
        path = data_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"text": text}) + "\n" for text in changed(texts)]
        path.write_text("".join(lines), encoding="utf-8")
    tokenizer: Any = None
    for architecture in architectures:
        for base, seed in BASES.items():
            path = base_path(folder, architecture, base)
            if not (path / "tokenizer_config.json").is_file():
                tokenizer = tokenizer or build_tokenizer(texts)
                _write_base(path, architecture, tokenizer, seed)


def _write_base(path: Path, architecture: str, tokenizer: Any, seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    model = _model(architecture, len(tokenizer))
    model.to(torch.float32).save_pretrained(path)
    tokenizer.save_pretrained(path)


def _model(architecture: str, vocabulary: int) -> Any:
    import transformers

    if architecture == "gemma3":
        return transformers.Gemma3ForConditionalGeneration(base_config(vocabulary))
    if architecture == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=vocabulary, **SIZES))
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(vocab_size=vocabulary, **SIZES))


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
