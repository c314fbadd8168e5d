from tests.builders.pickles import make_torch
from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "weights-only-as-pickle"
SAFE = [f"{folder}adapter_model.safetensors" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
PICKLED = {"adapter_model.bin": make_torch({}), "checkpoint-9/adapter_model.bin": make_torch({})}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(data=PICKLED)) == []


def test_fails_as_a_note() -> None:
    assert found(RULE, healthy(data=PICKLED, without=SAFE)) == [
        finding(
            RULE,
            NOTE,
            "adapter_model.bin is a pickle, and no safetensors file is beside it",
            "adapter_model.bin",
            expected="safetensors",
            observed="adapter_model.bin, checkpoint-9/adapter_model.bin",
            evidence=("also checkpoint-9/adapter_model.bin",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(without=SAFE)) == ["the run has no file of weights"]
