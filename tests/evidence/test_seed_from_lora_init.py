"""What the initial values say of a stated seed; adapters drawn in plain Python by tests/builders/drawn.py."""

from dataclasses import replace

import pytest

from auditor.evidence import seed_from_lora_init as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.drawn import adapter, factors, trained
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter as config_of
from tests.evidence.support import arguments, recipe, run_of, said, state, with_artifacts
from tests.evidence.test_seed_from_rng_state import generator

STRANGE = 987_654_321


def run_with(drawn_by: int, declared: object = 42, drift: float = 0.0, **config: object) -> Run:
    """A run whose recipe declares a seed and whose adapter was drawn by another or the same."""
    made = factors(drawn_by)
    weights, _ = adapter(trained(made, drift) if drift else made)
    files: dict[str, object] = {
        "adapter_config.json": config_of(**{"init_lora_weights": True, **config}),
        "checkpoint-450/trainer_state.json": state(),
    }
    if declared is not None:
        files["cheetah-fine-tuning-config.json"] = recipe(train={"seed": declared})
    return with_artifacts(run_of(files), weights)


def test_the_healthy_run_remembers_seed_42() -> None:
    status, says = said(run_of(healthy()), module)["seed"]
    assert status is Status.VERIFIED
    assert says.startswith("seed 42 consistent on 14 of 14 trained modules")


def test_untrained_modules_verify_the_seed() -> None:
    assert said(run_with(42), module) == {
        "seed": (Status.VERIFIED, "seed 42 proved on 14 of 14 untrained modules")
    }


def test_another_seed_contradicts_a_declared_one() -> None:
    assert said(run_with(1234), module) == {
        "seed": (
            Status.CONTRADICTED,
            "seed 42 does not reach the adapter: seed 1234 proved on 14 of 14 untrained modules",
        )
    }


def test_a_generator_that_was_seeded_later_contradicts_nothing() -> None:
    run = with_artifacts(run_with(1234), generator(None, 42))
    assert said(run, module) == {
        "seed": (
            Status.UNVERIFIABLE,
            (
                "seed 42 does not reach the adapter: seed 1234 proved on 14 of 14 untrained modules; "
                "42 may have been set later"
            ),
        )
    }


def test_the_trainers_own_seed_is_not_contradicted_by_the_scripts() -> None:
    run = with_artifacts(run_with(1234, declared=None), arguments(seed=42))
    assert said(run, module)["seed"][0] is Status.UNVERIFIABLE


def test_a_generator_that_nobody_seeded_contradicts_nothing() -> None:
    wide = [("model.layers.0.self_attn.q_proj", 96, 40)]
    weights, _ = adapter(factors(STRANGE, wide, rank=16))
    run = with_artifacts(run_with(42), weights)
    assert said(run, module)["seed"] == (
        Status.UNVERIFIABLE,
        (
            f"seed 42 does not reach the adapter: seed {STRANGE} proved on 1 of 1 untrained module "
            "(torch gives itself such a seed while nobody sets one)"
        ),
    )


def test_a_platform_that_seeds_the_adapter_by_an_argument_of_its_own_is_not_accused() -> None:
    run = run_with(3407)
    assert run.recipe is not None
    assert said(run, module)["seed"][0] is Status.CONTRADICTED
    run = replace(run, recipe=replace(run.recipe, platform="unsloth"))
    assert said(run, module)["seed"][0] is Status.UNVERIFIABLE


@pytest.mark.parametrize("drift", [0.0, 0.1, 5.0])
def test_a_plain_script_that_wraps_before_it_seeds_is_not_accused(drift: float) -> None:
    status, says = said(run_with(STRANGE, drift=drift), module)["seed"]
    assert status is Status.UNVERIFIABLE
    assert not says.startswith("inconclusive")


def test_cannot_look_at_other_initial_values() -> None:
    assert said(run_with(42, init_lora_weights="pissa"), module)["seed"] == (
        Status.UNVERIFIABLE,
        "init_lora_weights 'pissa' does not begin with numbers drawn from the seed alone",
    )


def test_is_silent_without_weights_or_seed() -> None:
    assert said(run_of(seed()), module) == {}
    assert said(run_with(42, declared=None), module) == {}
    assert said(run_with(42, peft_type="LOHA"), module) == {}
