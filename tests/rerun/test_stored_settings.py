"""What a committed optimizer was built with is a reading of the recipe, and what the recipe states stands above it."""

from typing import Any

from auditor.claims import build
from auditor.model import Alternative, RerunPlan, Setting
from auditor.rerun import optimizers
from auditor.rerun import plan as planning
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

CONFIG = "cheetah-fine-tuning-config.json"
GROUP = {
    "lr": 1e-4,
    "initial_lr": 2e-3,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "weight_decay": 0.0,
    "momentum": 0.9,
    "fused": True,
    "maximize": True,
    "params": [0],
}


def plan(files: v.Files) -> RerunPlan:
    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA)


def stored(made: RerunPlan) -> list[Alternative]:
    return [item for item in made.alternatives if "optimizer.pt" in item.says]


def test_a_state_of_the_declared_settings_is_no_other_reading() -> None:
    assert stored(plan(v.committed())) == []


def test_a_state_of_other_settings_is_one_reading() -> None:
    """The fixture was trained at 2e-3 without decay; a later start's arguments may say anything."""
    files = v.without(v.committed(), "training_args.bin", v.event_path())
    files = v.with_json(
        files, CONFIG, lambda d: d["train_model_parameters"].update(learning_rate=1e-3, weight_decay=0.1)
    )
    (found,) = stored(plan(files))
    assert found.changes == {"learning_rate": 2e-3, "weight_decay": 0.0}
    assert not found.open
    assert found.says == (
        "learning_rate = 0.002, weight_decay = 0.0 (checkpoint-18/optimizer.pt), where the plan takes "
        f"0.001 ({CONFIG}#/train_model_parameters/learning_rate), 0.1 ({CONFIG}#/train_model_parameters/weight_decay)"
    )


def test_a_group_keeps_what_no_argument_names_and_loses_what_the_recipe_states() -> None:
    """`maximize` is no argument of the Trainer, and no honest state sets it: it is never taken."""
    stated = {key: Setting(0, "x") for key in optimizers.DECIDED}
    assert optimizers.kept(GROUP, stated) == {"fused": True}
    assumed = {key: Setting(0, "x", assumed=True) for key in optimizers.DECIDED}
    assert optimizers.kept(GROUP, assumed) == {
        k: x for k, x in GROUP.items() if k not in ("params", "maximize")
    }


def test_what_no_file_says_is_taken_from_the_state() -> None:
    files = v.without(v.committed(), "training_args.bin", v.event_path())

    def forget(document: dict[str, Any]) -> None:
        for key in ("learning_rate", "optimizer", "weight_decay"):
            del document["train_model_parameters"][key]

    made = plan(v.with_json(files, CONFIG, forget))
    says = "checkpoint-18/optimizer.pt was built with it"
    assert made.settings["learning_rate"] == Setting(2e-3, says)
    assert made.settings["weight_decay"] == Setting(0.0, says)
    assert made.settings["optim"] == Setting("adamw_torch", says)
    assert stored(made) == []
