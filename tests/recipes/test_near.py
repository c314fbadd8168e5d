"""Distances are counted by hand: one insertion, deletion, replacement or swap of neighbours each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.recipes._near import distance, near

KNOWN = (
    *("learning_rate", "warmup_ratio", "lora_rank", "fp16", "bf16", "adam_beta1", "adam_beta2", "val_size"),
    *("save_steps", "eval_steps", "use_dora", "max_steps", "per_device_train_batch_size"),
    "lora_alpha",
)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("learning-rate", "learning_rate"),
        ("learningRate", "learning_rate"),
        ("learning_rat", "learning_rate"),
        ("warmup_ration", "warmup_ratio"),
        ("lora_rnak", "lora_rank"),
        ("per_device_train_batchsize", "per_device_train_batch_size"),
        ("save_step", "save_steps"),
        # A word without its first letter, where the rest is no word of the platform.
        ("save_teps", "save_steps"),
        ("lora_lpha", "lora_alpha"),
    ],
)
def test_slips(key: str, meant: str) -> None:
    assert near(key, KNOWN) == meant


@pytest.mark.parametrize(
    "key",
    [
        *("fp8", "tf32", "adam_beta3", "max_size", "max_seps_epoch", "use_mora", "use_rslora", "run_steps"),
        # val is a word of its own (val_size).
        "val_steps",
        *("", "r", "favourite_colour", "x" * 200),
    ],
)
def test_other_keys(key: str) -> None:
    assert near(key, KNOWN) is None


def test_a_word_without_its_first_letter_that_is_a_word_of_its_own() -> None:
    assert near("use_lora", ("use_qlora", "lora_rank")) is None
    assert near("use_lora", ("use_qlora", "rank")) == "use_qlora"


@pytest.mark.parametrize(
    ("one", "other", "edits"), [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xbcd", 2)]
)
def test_edits(one: str, other: str, edits: int) -> None:
    assert distance(one, other, 2) == edits


@given(st.text("abc_", max_size=8), st.text("abc_", max_size=8))
def test_edits_are_symmetric_and_zero_only_for_equals(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9)
    assert (distance(one, other, 9) == 0) == (one == other)
