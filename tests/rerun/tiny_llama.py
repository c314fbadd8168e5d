"""A Llama of two layers with random weights and the fixture's tokenizer, and rows to train it on."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.builders.repositories import TINY_BASE


@contextmanager
def as_in_a_child() -> Iterator[None]:
    """The thread count of the rerun's child for trainings in this process, whose libraries may warn as they like."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(before)


TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def make_base(folder: Path) -> Path:
    """A float32 Llama, 2 layers of width 32, whose embedding and head are two matrices."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(TINY_BASE)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in TOKENIZER:
        if (TINY_BASE / name).is_file():
            shutil.copy(TINY_BASE / name, folder / name)
    return folder


def make_rows(path: Path, count: int = 12) -> Path:
    """Rows of text that differ in every word, so that one row is not another's."""
    import json

    words = [
        "river",
        "stone",
        "lamp",
        "garden",
        "winter",
        "market",
        "bridge",
        "letter",
        "cloud",
        "engine",
        "paper",
        "harbour",
    ]
    lines = [
        {"text": " ".join(words[(row * 5 + k * (row + 1)) % len(words)] for k in range(8))}
        for row in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def make_pairs(path: Path, count: int = 12) -> Path:
    """Rows of a prompt with a chosen and a rejected answer, all of which differ."""
    import json

    rows = [
        {
            "prompt": f"river stone {n % 3}",
            "chosen": f" lamp garden {n}",
            "rejected": f" winter market {n * 7}",
        }
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
