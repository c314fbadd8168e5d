import numpy

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy
from tests.builders.safetensors import make_arrays
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "adapter-norm-jumps"


def checkpoints(*norms: float) -> Snapshot:
    """Adapters of one tensor with these norms: four equal elements of half the norm each."""
    files: dict[str, bytes] = {}
    for number, norm in enumerate(norms, start=1):
        array = numpy.full(4, norm / 2, numpy.float32)
        files[f"checkpoint-{number}/adapter_model.safetensors"] = make_arrays({"a": array})
    return memory_snapshot("made", files)


def test_passes_a_norm_that_grows() -> None:
    assert found(RULE, checkpoints(1, 5, 20, 40, 50)) == []


def test_passes_a_jump_that_stays() -> None:
    assert found(RULE, checkpoints(1, 1, 100, 100)) == []


def test_fails_for_a_peak_and_for_a_dip() -> None:
    assert found(RULE, checkpoints(10, 50, 11)) == [
        finding(
            RULE,
            NOTE,
            "the adapter's norm is 50, between 10 before and 11 after it",
            "checkpoint-2/adapter_model.safetensors",
            expected="within 4 times of its neighbours",
            observed="50",
        )
    ]
    (only,) = found(RULE, checkpoints(10, 2, 11))
    assert only.observed == "2"


def test_passes_nan_which_another_rule_names() -> None:
    assert found(RULE, checkpoints(10, float("nan"), 11)) == []


def test_cannot_look_at_two() -> None:
    assert reasons(RULE, healthy()) == ["fewer than three checkpoints hold an adapter that could be read"]
