"""Lines of examples do what they say, and what means nothing is refused."""

import json

import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.training_args import TrainingArgs
from tests.builders import example_events, examples
from tests.builders.blobs import blob
from tests.builders.repositories import contents

HONEST = contents("tiny", "candidate")[0]
EVENTS = next(path for path in HONEST if "tfevents" in path)


def log(data: bytes) -> EventLog:
    return EventLog.parse(blob(data, EVENTS))


def test_an_event_file_written_anew_holds_what_it_held() -> None:
    before, after = log(HONEST[EVENTS]), log(example_events.edited(HONEST[EVENTS], lambda entries: entries))
    assert after.is_intact
    assert after.scalars == before.scalars
    assert after.texts == before.texts
    assert after.first_wall_time == before.first_wall_time


def test_one_scalar_changes_and_nothing_else() -> None:
    before, after = log(HONEST[EVENTS]), log(examples.read("events: train/loss at 3 = 9.5").files[EVENTS])
    (old,) = [point for point in before.scalars["train/loss"] if point.step == 3]
    (new,) = [point for point in after.scalars["train/loss"] if point.step == 3]
    assert (new.value, new.wall_time) == (9.5, old.wall_time)
    assert {tag: p for tag, p in after.scalars.items() if tag != "train/loss"} == {
        tag: p for tag, p in before.scalars.items() if tag != "train/loss"
    }


def test_a_star_in_a_pointer_changes_items_that_have_the_key() -> None:
    text = examples.read("trainer_state.json: /log_history/*/loss = 0.0").files["trainer_state.json"]
    rows = json.loads(text)["log_history"]
    assert [row.get("loss") for row in rows] == [0.0] * 18 + [None]


def test_pickled_arguments_keep_their_other_values() -> None:
    path = "training_args.bin"
    before = TrainingArgs.parse(blob(HONEST[path], path)).values
    after = TrainingArgs.parse(blob(examples.read(f"{path}: .seed = 7").files[path], path)).values
    assert after["seed"] == 7
    assert after["learning_rate"] == before["learning_rate"]


def test_a_tensor_of_a_shape_is_added_beside_the_others() -> None:
    path = "adapter_model.safetensors"
    made = examples.read(f"{path}: tensor extra of shape 2x3").files[path]
    before, after = (AdapterWeights.parse(blob(data, path)) for data in (HONEST[path], made))
    assert after.tensors.keys() == {*before.tensors, "extra"}
    assert after.tensors["extra"].shape == (2, 3)


def test_a_made_up_secret_is_in_no_docstring() -> None:
    text = examples.read('a.sh: = "{a Hugging Face token}"').files["a.sh"].decode()
    assert len(text) == 3 + 34
    assert "{" not in text


@pytest.mark.parametrize(
    "line",
    [
        "adapter_config.json",
        "adapter_config.json: bigger",
        'adapter_config.json: "no such text" -> "x"',
        "adapter_model.safetensors: tensor *.lora_C.* = 0",
        "adapter_model.safetensors: tensor * rotated",
        "no-such-folder/: removed",
        "checkpoint-18/optimizer.pt: optimizer with 3 wheels",
    ],
)
def test_a_line_that_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        examples.read(line)
