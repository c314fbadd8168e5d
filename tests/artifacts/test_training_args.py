from pathlib import Path

import pytest

from auditor.artifacts.training_args import TrainingArgs
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.pickles import Call, Global, New, Tensor, make_torch, make_training_args, named
from tests.builders.repositories import contents


def parsed(data: bytes) -> TrainingArgs:
    return TrainingArgs.parse(blob(data, "folder/training_args.bin"))


def test_attributes_are_plain_values() -> None:
    arguments = parsed(
        make_training_args(
            {
                "learning_rate": 2e-4,
                "lr_scheduler_type": "cosine",
                "optim": "paged_adamw_8bit",
                "bf16": True,
                "max_steps": -1,
                "deepspeed": None,
                "report_to": ["tensorboard"],
                "lr_scheduler_kwargs": {"num_cycles": 0.5},
                "torch_dtype": Global("torch", "bfloat16"),
                "generation_config": New(named("transformers.GenerationConfig"), {"top_k": 50}),
                "seed_array": pickles.numpy_array(b"\x07\x00\x00\x00", "u4", (1,)),
            }
        )
    )
    assert arguments.class_name == "transformers.training_args.TrainingArguments"
    assert arguments.values["learning_rate"] == 2e-4
    assert arguments.values["lr_scheduler_type"] == "cosine"
    assert arguments.values["optim"] == "paged_adamw_8bit"
    assert arguments.values["bf16"] is True
    assert arguments.values["report_to"] == ["tensorboard"]
    assert arguments.values["lr_scheduler_kwargs"] == {"num_cycles": 0.5}
    assert arguments.values["torch_dtype"] == "torch.bfloat16"
    assert arguments.values["generation_config"] == {"top_k": 50}
    assert arguments.values["seed_array"] == "<array <u4 [1]>"
    assert arguments.values["__cached__setup_devices"] == "cuda:0"
    assert arguments.number("max_steps") == -1
    assert arguments.number("bf16") is None
    assert arguments.number("absent") is None
    assert arguments.get("deepspeed", 3) is None
    assert arguments.get("absent", 3) == 3


def test_the_class_of_another_trainer_is_named() -> None:
    arguments = parsed(make_training_args({"packing": True}, cls="UnslothSFTTrainer.UnslothSFTConfig"))
    assert arguments.class_name == "UnslothSFTTrainer.UnslothSFTConfig"


@pytest.mark.parametrize("processes", [1, 8])
def test_the_world_size_is_that_of_the_recorded_state(processes: int) -> None:
    assert parsed(make_training_args({}, processes=processes)).world_size == processes


@pytest.mark.parametrize("state", [None, {"num_processes": "8"}, {"num_processes": True}, {}])
def test_a_world_size_that_is_no_number_is_unknown(state: object) -> None:
    value = New(named(pickles.TRAINING_ARGUMENTS), {"distributed_state": state})
    assert parsed(make_torch(value)).world_size is None


def test_secrets_are_kept_as_set_or_none_at_any_depth() -> None:
    arguments = parsed(
        make_training_args(
            {
                "hub_token": "hf_abcdef",
                "push_to_hub_token": None,
                "model_init_kwargs": {
                    "token": "hf_abcdef",
                    "revision": "main",
                    "more": [{"api_key": "abcdef"}],
                },
                "eos_token": "<|im_end|>",
                "chars_per_token": 3.6,
            }
        )
    )
    assert arguments.values["hub_token"] == "<set>"
    assert arguments.values["push_to_hub_token"] is None
    expected = {"token": "<set>", "revision": "main", "more": [{"api_key": "<set>"}]}
    assert arguments.values["model_init_kwargs"] == expected
    assert arguments.values["eos_token"] == "<|im_end|>"
    assert arguments.values["chars_per_token"] == 3.6
    assert "abcdef" not in repr(arguments)


def test_facts_leave_out_what_belongs_to_the_machine() -> None:
    facts = parsed(make_training_args({"output_dir": "/a", "hub_token": "x", "max_steps": 4})).facts()
    assert {key for key, fact in facts.items() if not fact.ignorable} == {"max_steps"}
    assert facts["max_steps"].value == 4


@pytest.mark.parametrize(
    "value",
    [
        {"learning_rate": 1.0},
        Call(Global("posix", "system"), ("x",)),
        [1],
        Tensor([1.0], (1,)),
        Call(named("transformers.trainer_utils.SchedulerType"), ("linear",)),
    ],
)
def test_files_that_hold_something_else_are_refused(value: object) -> None:
    with pytest.raises(CannotRead, match="does not hold training arguments"):
        parsed(make_torch(value))


def test_hostile_attributes_stay_small() -> None:
    wide: object = ["x"] * 1000
    for _ in range(2):
        wide = [wide] * 30
    value = New(named(pickles.TRAINING_ARGUMENTS), {"a": wide, "b": 2**100_000, "c": "x" * 300_000})
    arguments = parsed(make_torch(value))
    assert arguments.values["b"] == "<integer of 100001 bits>"
    assert len(str(arguments.values["c"])) == 100_000
    assert len(repr(arguments)) < 200_000


def test_more_attributes_than_any_trainer_has_are_refused() -> None:
    with pytest.raises(CannotRead, match="holds 1,002 training arguments"):
        parsed(make_training_args({f"a{i}": i for i in range(1000)}))


def test_the_honest_fixture_holds_what_its_recipe_says() -> None:
    read, _ = contents("tiny", "candidate")
    paths = [path for path in read if TrainingArgs.matches(path)]
    assert paths
    for path in paths:
        arguments = TrainingArgs.parse(blob(read[path], path))
        assert arguments.world_size == 1
        assert isinstance(arguments.values["learning_rate"], float)
        assert isinstance(arguments.values["lr_scheduler_type"], str)


@pytest.mark.rerun
def test_arguments_saved_by_the_trainer_are_read(tmp_path: Path) -> None:
    import torch
    import transformers

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        learning_rate=3e-4,
        lr_scheduler_type="cosine",
        hub_token="hf_x",
        use_cpu=True,
    )
    path = tmp_path / "training_args.bin"
    torch.save(arguments, path)
    found = parsed(path.read_bytes())
    assert found.class_name == "transformers.training_args.TrainingArguments"
    assert found.values["learning_rate"] == 3e-4
    assert found.values["lr_scheduler_type"] == "cosine"
    assert found.values["hub_token"] == "<set>"
    assert set(found.values) >= {"seed", "optim", "per_device_train_batch_size"}
