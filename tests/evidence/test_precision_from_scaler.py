"""fp16 and its scaler.pt: file sets as transformers 4.49 and newer write them."""

import pytest

from auditor.evidence import precision_from_scaler as module
from auditor.evidence import transformers_version_from_files as versions
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import seed
from tests.evidence.support import adapter, recipe, run_of, said, state

CLAIM = "mixed_precision"
SCALER, OPTIMIZER = "checkpoint-450/scaler.pt", "checkpoint-450/optimizer.pt"


def run_with(word: object, *present: str, **changes: object) -> Run:
    return run_of(
        {
            "adapter_config.json": adapter(**changes),
            "cheetah-fine-tuning-config.json": recipe(train={"mixed_precision": word}),
            "checkpoint-450/trainer_state.json": state(),
            **dict.fromkeys(present, b""),
        }
    )


def test_the_real_case_declares_fp16_and_has_no_scaler() -> None:
    assert said(run_of(seed()), versions, module)[CLAIM] == (
        Status.CONTRADICTED,
        "mixed_precision says fp16, and no checkpoint holds the scaler.pt that fp16 writes",
    )


@pytest.mark.parametrize(
    ("word", "present", "expected"),
    [
        ("fp16", (SCALER, OPTIMIZER), Status.VERIFIED),
        ("fp16", (OPTIMIZER,), Status.CONTRADICTED),
        ("bf16", (SCALER, OPTIMIZER), Status.CONTRADICTED),
        ("no", (SCALER, OPTIMIZER), Status.CONTRADICTED),
    ],
)
def test_presence_and_absence_decide(word: str, present: tuple[str, ...], expected: Status) -> None:
    assert said(run_with(word, *present), versions, module)[CLAIM][0] is expected


def test_a_scaler_is_named_against_another_precision() -> None:
    assert said(run_with("bf16", SCALER), versions, module)[CLAIM] == (
        Status.CONTRADICTED,
        "scaler.pt is there, which only fp16 writes, and mixed_precision says bf16",
    )


@pytest.mark.parametrize(
    ("word", "present"), [("fp16", ()), ("bf16", (OPTIMIZER,)), ("no", (OPTIMIZER,)), (None, (OPTIMIZER,))]
)
def test_is_silent_where_the_absence_means_nothing(word: object, present: tuple[str, ...]) -> None:
    assert said(run_with(word, *present), versions, module) == {}


def test_cannot_look_without_a_proven_release() -> None:
    # transformers 4.46 to 4.49 write the same keys; 4.48.3 writes no scaler.pt.
    old = {key: value for key, value in state().items() if key != "best_global_step"}
    run = run_of(
        {
            "adapter_config.json": adapter(auto_mapping=None),
            "cheetah-fine-tuning-config.json": recipe(train={"mixed_precision": "fp16"}),
            "checkpoint-450/trainer_state.json": old,
            OPTIMIZER: b"",
        }
    )
    assert said(run, versions, module)[CLAIM] == (
        Status.UNVERIFIABLE,
        "no scaler.pt, but the files do not prove Transformers 4.49, before which fp16 wrote none",
    )


def test_cannot_look_where_deepspeed_keeps_the_scaler() -> None:
    found = said(run_with("fp16", OPTIMIZER, "checkpoint-450/zero_to_fp32.py"), versions, module)
    assert found[CLAIM] == (Status.UNVERIFIABLE, "no scaler.pt, but DeepSpeed keeps the scaler elsewhere")
