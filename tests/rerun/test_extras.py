"""Where unusual settings are read, under which names a release takes them, and what is tried instead of them."""

from typing import Any

import pytest

from auditor.model import RerunPlan, Setting
from auditor.rerun.child import extras as child
from auditor.rerun.child.job import JobError, batches_of, settings_from, total_steps
from auditor.rerun.planning import extras
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.counted import steps_of_rows
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

CHEETAH = "cheetah-fine-tuning-config.json"


def told(files: v.Files, **values: object) -> v.Files:
    """The files with a training_args.bin of these values, and without an event file."""
    bare = v.without(files, v.event_path())
    kept = {path: data for path, data in bare.items() if not path.endswith("training_args.bin")}
    return {**kept, "training_args.bin": make_training_args(values)}


def declared(files: v.Files, **values: object) -> v.Files:
    return v.with_json(files, CHEETAH, lambda d: d["train_model_parameters"].update(values))


def found(files: v.Files) -> dict[str, tuple[object, str]]:
    settings, _ = extras.of_run(v.run_of(files))
    return {key: (setting.value, setting.source) for key, setting in settings.items()}


def plan(files: v.Files) -> RerunPlan:
    from auditor.claims import build

    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA)


def test_a_run_of_the_usual_kind_has_none() -> None:
    assert found(v.committed()) == {}
    assert set(child.ARGUMENT_EXTRAS) & set(plan(v.committed()).settings) == {"train_sampling_strategy"}


@pytest.mark.parametrize(
    ("values", "key", "value", "name"),
    [
        ({"group_by_length": True}, "train_sampling_strategy", "group_by_length", "group_by_length"),
        (
            {"train_sampling_strategy": "group_by_length"},
            "train_sampling_strategy",
            "group_by_length",
            "train_sampling_strategy",
        ),
        ({"neftune_noise_alpha": 5}, "neftune_noise_alpha", 5, "neftune_noise_alpha"),
        # A noise of 0 still draws its numbers, which moves the dropout masks after them.
        ({"neftune_noise_alpha": 0.0}, "neftune_noise_alpha", 0.0, "neftune_noise_alpha"),
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor", 0.1, "label_smoothing_factor"),
        (
            {"lr_scheduler_kwargs": '{"min_lr": 1e-6}'},
            "lr_scheduler_kwargs",
            {"min_lr": 1e-6},
            "lr_scheduler_kwargs",
        ),
    ],
)
def test_what_the_trainer_received_is_taken(
    values: dict[str, Any], key: str, value: object, name: str
) -> None:
    assert found(told(v.committed(), **values)) == {key: (value, f"training_args.bin#{name}")}


@pytest.mark.parametrize(
    "values",
    [
        {"group_by_length": False, "neftune_noise_alpha": None, "label_smoothing_factor": 0},
        {"lr_scheduler_kwargs": "{}", "dataloader_drop_last": False},
        {"lr_scheduler_kwargs": None, "train_sampling_strategy": "random"},
    ],
)
def test_what_has_no_effect_is_not_named(values: dict[str, Any]) -> None:
    assert found(told(v.committed(), **values)) == {}


def test_what_was_declared_and_not_received_is_a_reading() -> None:
    files = told(declared(v.committed(), neftune_noise_alpha=5), neftune_noise_alpha=None)
    settings, others = extras.of_run(v.run_of(files))
    place = "#/train_model_parameters/neftune_noise_alpha"
    assert settings == {
        "neftune_noise_alpha": Setting(None, "training_args.bin#neftune_noise_alpha"),
    }
    assert [(dict(item.changes), item.says, item.open) for item in others] == [
        (
            {"neftune_noise_alpha": 5},
            (
                f"neftune_noise_alpha = 5 ({CHEETAH}{place}), where the plan takes None "
                "(training_args.bin#neftune_noise_alpha)"
            ),
            False,
        )
    ]


def test_a_declaration_alone_is_taken_and_may_not_have_been_applied() -> None:
    files = v.without(declared(v.committed(), group_by_length=True), v.event_path(), "training_args.bin")
    made = plan({path: data for path, data in files.items() if not path.endswith("training_args.bin")})
    setting = made.settings["train_sampling_strategy"]
    assert (setting.value, setting.source) == (
        "group_by_length",
        f"{CHEETAH}#/train_model_parameters/group_by_length",
    )
    says = "train_sampling_strategy = random: group_by_length was not applied"
    assert says in [item.says for item in made.alternatives]


def test_lengths_of_another_column_are_refused() -> None:
    says = "training_args.bin takes the lengths of rows from a column 'words', which the rerun does not read"
    files = told(v.committed(), group_by_length=True, length_column_name="words")
    assert says in plan(files).obstacles
    assert says not in plan(told(v.committed(), length_column_name="words")).obstacles


def test_settings_of_an_adapter_are_read_from_its_file() -> None:
    values = {"rank_pattern": {"q_proj": 4}, "layers_to_transform": 0, "fan_in_fan_out": False}
    files = v.with_json(v.committed(), "adapter_config.json", lambda d: d.update(values))
    source = "adapter_config.json#/"
    assert found(files) == {
        "rank_pattern": ({"q_proj": 4}, f"{source}rank_pattern"),
        "layers_to_transform": (0, f"{source}layers_to_transform"),
    }
    assert plan(files).obstacles == ()


def test_a_value_of_another_type_is_refused_by_name() -> None:
    files = told(v.committed(), lr_scheduler_kwargs="[1")
    says = "lr_scheduler_kwargs: '[1' has the wrong type (training_args.bin#lr_scheduler_kwargs)"
    assert says in plan(files).obstacles


def test_a_release_gets_the_names_that_it_knows() -> None:
    made = settings_from({"train_sampling_strategy": "group_by_length", "label_smoothing_factor": 0.0})
    assert child.arguments(made, {"group_by_length"}) == {"group_by_length": True}
    assert child.arguments(made, {"train_sampling_strategy"}) == {
        "train_sampling_strategy": "group_by_length"
    }
    layers = settings_from({"layers_to_transform": [0, 1], "rank_pattern": {}})
    assert child.adapter(layers, {"layers_to_transform", "exclude_modules"}) == {
        "layers_to_transform": [0, 1]
    }


def test_what_a_release_lacks_is_said() -> None:
    made = settings_from({"neftune_noise_alpha": 5.0, "exclude_modules": ["q_proj"]})
    with pytest.raises(JobError, match="the transformers that trains here has no neftune_noise_alpha = 5"):
        child.arguments(made, {"label_smoothing_factor"})
    with pytest.raises(JobError, match="the peft that trains here has no exclude_modules"):
        child.adapter(made, {"rank_pattern"})


def test_a_last_batch_that_is_dropped_makes_fewer_steps() -> None:
    """13 rows in twos: 7 batches, or 6 full ones."""
    assert (batches_of(13, 2, False), batches_of(13, 2, True)) == (7, 6)
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 2.0,
    }
    known = {key: Setting(value, "x") for key, value in settings.items()}
    dropped = {**known, "dataloader_drop_last": Setting(True, "x")}
    assert (steps_of_rows(known, 13), steps_of_rows(dropped, 13)) == (14, 12)
    assert total_steps(13, settings_from({**settings, "dataloader_drop_last": True})) == 12
