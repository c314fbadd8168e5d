import numpy
import pytest

from auditor.checks.weights import non_finite_model_weights
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy
from tests.builders.safetensors import make_arrays
from tests.checks.expecting import ERROR, NOTE, finding, found, reasons
from tests.checks.weights.made import sharded

RULE = "non-finite-model-weights"
BAD = numpy.array([1, numpy.nan, numpy.inf, 2], numpy.float16)
GOOD = numpy.ones(4, numpy.float32)


def model(**arrays: object) -> Snapshot:
    return memory_snapshot("made", {"model.safetensors": make_arrays(arrays)})  # type: ignore[arg-type]


def test_passes() -> None:
    assert found(RULE, sharded()) == []
    assert found(RULE, model(ids=numpy.arange(4))) == []


def test_fails() -> None:
    assert found(RULE, model(**{"a.weight": GOOD, "b.weight": BAD})) == [
        finding(
            RULE,
            ERROR,
            "2 NaN or infinite values in 1 of 2 tensors, first b.weight (2)",
            "model.safetensors",
            "b.weight",
            expected="finite values",
            observed="2 NaN or infinite values",
        )
    ]


def test_fails_as_a_note_for_a_mask() -> None:
    (only,) = found(RULE, model(**{"a.weight": GOOD, "attention.mask": -BAD}))
    assert only.severity is NOTE


def test_cannot_look_at_files_too_large_or_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(non_finite_model_weights, "BYTE_LIMIT", 10)
    (says,) = reasons(RULE, model(a=BAD))
    assert says.startswith("model.safetensors has more than")
    assert reasons(RULE, healthy()) == ["no *.safetensors is in the repository"]
