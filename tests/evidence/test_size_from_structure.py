"""Sizes of files against what their contents take, in bytes counted by hand."""

import json
from dataclasses import replace

import pytest

from auditor.artifacts.base_config import BaseConfig
from auditor.evidence import size_from_structure as module
from auditor.model import Snapshot, Status
from auditor.runs import Run, group, read
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.evidence.support import (
    TARGETS_11,
    adapter,
    arguments,
    run_of,
    said,
    snapshot,
    state,
    with_artifacts,
)

ADAPTER, OPTIMIZER = "adapter_model.safetensors", "checkpoint-450/optimizer.pt"
# LoRA elements of Gemma 3 4B with r = 16 (meta-device model): text, vision, head; the head's matrix.
TEXT, VISION, HEAD, MATRIX = 29_802_496, 8_695_296, 4_236_288, 262_208 * 2560


def run_with(sizes: dict[str, int], read_them: bool = True, **changes: object) -> Run:
    """Files of a size without their bytes; ``read_them`` says that nothing kept them from being read."""
    files = {
        "adapter_config.json": adapter(target_modules=TARGETS_11, **changes),
        "checkpoint-450/trainer_state.json": state(),
    }
    taken = snapshot(files)
    blobs = {
        path: taken.files["adapter_config.json"].replaced(path=path, size=s) for path, s in sizes.items()
    }
    (run,) = group(read(Snapshot("test", {**taken.files, **blobs})))
    contents = run.contents if not read_them else replace(run.contents, unread=())
    return with_artifacts(replace(run, contents=contents), arguments(optim="adamw_torch"))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (4 * (TEXT + VISION + HEAD) + 100_000, "42,734,080 LoRA elements in float32"),
        (2 * (TEXT + VISION + HEAD) + 100_000, "42,734,080 LoRA elements in 16 bits"),
        (
            4 * (TEXT + VISION + HEAD) + 2 * MATRIX + 100_000,
            (
                "42,734,080 LoRA elements in float32 and a copy of the base's output matrix "
                "(671,252,480 elements in 16 bits)"
            ),
        ),
    ],
)
def test_an_adapter_file_of_one_possible_content(size: int, words: str) -> None:
    assert said(run_with({ADAPTER: size}), module) == {
        "adapter_content": (Status.VERIFIED, f"the {size:,} bytes of {ADAPTER} are {words}")
    }


def test_an_adapter_file_of_no_possible_content() -> None:
    assert said(run_with({ADAPTER: 123_456_789}), module) == {
        "adapter_content": (
            Status.UNVERIFIABLE,
            f"the 123,456,789 bytes of {ADAPTER} fit no content that base, rank and targets allow",
        )
    }


@pytest.mark.parametrize(
    ("elements", "tensors", "towers"),
    [
        (TEXT + VISION + HEAD, 802, "text and vision and head"),
        (TEXT + HEAD, 478, "text and head, not of vision"),
        (HEAD, 2, "head, not of text and vision"),
    ],
)
def test_an_optimizer_state_shows_which_modules_were_trained(
    elements: int, tensors: int, towers: str
) -> None:
    # 272.3 MB for text and head, 33.9 MB for the head alone, 341.9 MB for all.
    size = 8 * elements + 600 * tensors + 5_000
    run = run_with({OPTIMIZER: size})
    assert said(run, module) == {
        "trained_modules": (
            Status.VERIFIED,
            (
                f"the {size:,} bytes of {OPTIMIZER} are two float32 moments for {elements:,} elements: "
                f"the modules of {towers}"
            ),
        )
    }


def test_another_optimizer_is_not_judged() -> None:
    run = with_artifacts(run_with({OPTIMIZER: 8 * TEXT}), arguments(optim="adafactor"))
    assert said(run, module) == {}


def test_the_healthy_run_fits() -> None:
    base = BaseConfig.of("config.json", json.loads((TINY_BASE / "config.json").read_text()))
    found = said(run_of(healthy(), base), module)
    assert {outcome for outcome, _ in found.values()} == {Status.VERIFIED}
    assert set(found) == {"adapter_content", "trained_modules"}


def test_a_pointer_alone_verifies_nothing() -> None:
    found = said(run_of(seed()), module)
    assert {outcome for outcome, _ in found.values()} == {Status.UNVERIFIABLE}
    assert found["trained_modules"][1] == (
        "the pointer of checkpoint-450/optimizer.pt promises 272,677,376 bytes, the size of two float32 "
        "moments for 34,038,784 elements: the modules of text and head, not of vision"
    )


def test_is_silent_where_the_base_or_the_adapter_is_not_known() -> None:
    unknown = run_with({ADAPTER: 1}, base_model_name_or_path="someone/else", auto_mapping=None)
    assert said(unknown, module) == {}
    assert said(run_with({ADAPTER: 1}, modules_to_save=["norm"]), module) == {}
    assert said(run_with({ADAPTER: 1}, bias="all"), module) == {}
