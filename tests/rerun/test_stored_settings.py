"""What a committed optimizer was built with is a reading of the recipe, and what the recipe states stands above it."""

from typing import Any

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.claims import build
from auditor.model import Alternative, RerunPlan, Setting
from auditor.rerun.planning import optimizers
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.stored import reading, told
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_optimizer, make_torch
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


def state(names: str, **group: object) -> OptimizerState:
    """An optimizer of one parameter that keeps tensors of these names."""
    entry = {"step": 3, **{name: Tensor([0.0] * 4, (4,)) for name in names.split()}}
    groups = [{"lr": 1e-4, "initial_lr": 2e-3, "eps": 1e-8, "weight_decay": 0.0, **group, "params": [0]}]
    return OptimizerState.parse(
        blob(make_torch({"state": {0: entry}, "param_groups": groups}), "optimizer.pt")
    )


@pytest.mark.parametrize(
    ("names", "group", "optim"),
    [
        ("state1 state2", {"betas": (0.9, 0.999)}, ("paged_adamw_32bit", "adamw_bnb_8bit")),
        ("state1 state2", {"betas": (0.9, 0.999, 0.9999)}, ("ademamix", "ademamix_8bit")),
        ("state1", {"betas": (0.9, 0.99), "eps": 0}, ("lion_32bit", "lion_8bit")),
        ("state1", {"betas": (0.99, 0), "eps": 1e-8}, ("rmsprop_bnb_32bit", "rmsprop_bnb_8bit")),
        ("state1", {"betas": (0.9, 0), "eps": 0}, (None, None)),
        ("state1", {"betas": None}, (None, None)),
    ],
)
def test_bitsandbytes_is_told_apart_by_betas_and_epsilon(
    names: str, group: dict[str, object], optim: tuple[str | None, str | None]
) -> None:
    """The defaults of bitsandbytes 0.50.2, optim/*.py; its SGD with momentum is no choice of the Trainer."""
    made = [told(state(f"{names}{more}", **group)).get("optim") for more in ("", " qmap1 absmax1")]
    assert tuple(made) == optim


def test_betas_and_epsilon_of_another_algorithm_are_not_adams() -> None:
    adam = told(state("exp_avg exp_avg_sq", betas=(0.9, 0.99), amsgrad=False))
    assert (adam["adam_beta1"], adam["adam_beta2"], adam["adam_epsilon"]) == (0.9, 0.99, 1e-8)
    assert set(told(state("state1", betas=(0.9, 0.99), eps=0))) == {"learning_rate", "weight_decay", "optim"}


@pytest.mark.parametrize(
    ("planned", "apart"),
    [
        ({"learning_rate": 2e-3 * (1 + 1e-12)}, False),  # written otherwise
        ({"learning_rate": 2e-3 * (1 + 1e-6)}, True),
        ({"optim": "adamw_torch_fused"}, False),  # the same state
        ({"optim": "adafactor"}, True),
        ({"optim": "an_optimizer_of_tomorrow"}, False),  # its state is not known
    ],
)
def test_what_a_state_says_otherwise_is_a_reading(planned: dict[str, object], *, apart: bool) -> None:
    settings = {key: Setting(value, "x") for key, value in planned.items()}
    found = reading(state("exp_avg exp_avg_sq", betas=(0.9, 0.999)), settings)
    assert [set(item.changes) for item in found] == ([set(planned)] if apart else [])


@pytest.mark.parametrize("rate", [10**400, float("nan"), float("inf"), True, "2e-4", None])
def test_a_rate_that_no_optimizer_has_is_not_taken(rate: object) -> None:
    data = make_optimizer([(2, 2)], group={"lr": rate})
    assert "learning_rate" not in told(OptimizerState.parse(blob(data, "optimizer.pt")))
