import pytest

from auditor.artifacts.training_results import SIZE_LIMIT, TrainingResults
from auditor.errors import CannotRead
from tests.builders.blobs import blob


def parse(data: bytes, name: str = "train_results.json") -> TrainingResults:
    return TrainingResults.parse(blob(data, name))


def test_numbers_are_kept_and_the_rest_is_left_out() -> None:
    found = parse(
        b'{"epoch": 1.0, "train_loss": 0.5, "total_flos": 1.5e17, "done": true, "note": "x", "n": null}'
    )
    assert found.values == {"epoch": 1.0, "train_loss": 0.5, "total_flos": 1.5e17}


def test_times_are_no_differences() -> None:
    facts = parse(b'{"train_loss": 0.5, "train_runtime": 7.1}').facts()
    assert (facts["train_loss"].ignorable, facts["train_runtime"].ignorable) == (False, True)


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b'{"a": 1, "a": 2}', b"{}" + b" " * SIZE_LIMIT])
def test_bad_input_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(CannotRead) as error:
        parse(data)
    assert 5 < len(error.value.reason) < 200


def test_only_files_of_the_end_of_training_are_read() -> None:
    assert all(TrainingResults.matches(f"out/{split}_results.json") for split in ("train", "eval", "all"))
    assert not TrainingResults.matches("out/predict_results.json")
