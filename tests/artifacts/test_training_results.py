from typing import BinaryIO

import pytest

from auditor.artifacts.training_results import SIZE_LIMIT, TrainingResults
from auditor.errors import CannotRead
from auditor.model import Blob
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


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b'{"a": 1}\n{"a": 2}', b"{}" + b" " * SIZE_LIMIT])
@pytest.mark.parametrize("split", ["test", "predict"])
def test_a_script_s_own_results_have_no_values(data: bytes, split: str) -> None:
    assert parse(data, f"{split}_results.json").values == {}


def test_results_that_are_not_on_this_machine_are_refused() -> None:
    def refuse() -> BinaryIO:
        raise CannotRead("is not here", "unfetched")

    with pytest.raises(CannotRead, match="is not here"):
        TrainingResults.parse(Blob("test_results.json", 20, refuse))


def test_files_of_every_split_are_read() -> None:
    splits = ("train", "eval", "test", "predict", "all")
    assert all(TrainingResults.matches(f"out/{split}_results.json") for split in splits)
    assert not TrainingResults.matches("out/results.json")
