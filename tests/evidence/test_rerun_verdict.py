"""Verdicts of a rerun as evidence: results written by hand, no training."""

from dataclasses import replace

import pytest

from auditor.claims import build
from auditor.evidence import rerun_verdict as module
from auditor.model import Aspect, Divergence, RerunPlan, RerunResult, Setting, Status, Verdict
from auditor.runs import Run
from tests.evidence.support import adapter, recipe, run_of

WEIGHTS = "checkpoint-450/adapter_model.safetensors"


def run() -> Run:
    train = {"learning_rate": 3e-5, "seed": 42, "gradient_accumulation": 4, "scheduler": "linear"}
    files = {"adapter_config.json": adapter(), "cheetah-fine-tuning-config.json": recipe(train=train)}
    return run_of(files)


def plan(**settings: Setting) -> RerunPlan:
    known = {
        "learning_rate": Setting(3e-5, "declared"),
        "seed": Setting(42, "declared"),
        # The plan trains the accumulation that ran, not the declared one.
        "gradient_accumulation_steps": Setting(1, "total_flos"),
        "lr_scheduler_type": Setting("linear", "declared"),
        "r": Setting(16, "adapter_config.json"),
        "lora_alpha": Setting(32, "assumed", assumed=True),
    }
    return RerunPlan(".", {**known, **settings}, "whole", 450, 450, "base", "data", {})


def aspect(name: str, verdict: Verdict, distance: float | None = 0.0, floor: float | None = None) -> Aspect:
    return Aspect(name, verdict, distance, floor, f"{name} compared", WEIGHTS)


def result(verdict: Verdict, *aspects: Aspect, of: str = ".", why: str = "") -> RerunResult:
    return RerunResult(of, plan(), {}, verdict, aspects, None, why=why)


def said(rerun: RerunResult) -> dict[str, tuple[Status, str]]:
    here = run()
    found = list(module.weigh(here, build(here), rerun))
    assert len({item.claim for item in found}) == len(found)
    return {item.claim: (item.outcome, item.says) for item in found}


def test_identical_weights_verify_every_stated_setting_that_was_trained() -> None:
    says = "a rerun with this value is identical in its weights"
    assert said(result(Verdict.IDENTICAL, aspect("weights", Verdict.IDENTICAL))) == {
        "learning_rate": (Status.VERIFIED, says),
        "lr_scheduler_type": (Status.VERIFIED, says),
        "seed": (Status.VERIFIED, says),
        "r": (Status.VERIFIED, says),
        "recipe": (Status.VERIFIED, "the rerun is identical to what was committed"),
    }


def test_equivalence_names_distance_and_floor() -> None:
    found = said(
        result(Verdict.EQUIVALENT, aspect("curve", Verdict.EQUIVALENT, distance=1e-6, floor=2e-6)),
    )
    assert found["learning_rate"] == (
        Status.VERIFIED,
        "a rerun with this value is equivalent in its curve (distance 1e-06, floor 2e-06)",
    )
    assert "seed" not in found


def test_the_closest_aspect_speaks() -> None:
    aspects = (aspect("curve", Verdict.EQUIVALENT, 1e-6, 2e-6), aspect("weights", Verdict.IDENTICAL))
    assert said(result(Verdict.EQUIVALENT, *aspects))["learning_rate"][1].endswith("identical in its weights")


def test_divergence_contradicts_the_recipe_and_no_single_claim() -> None:
    rerun = replace(
        result(Verdict.DIVERGED, aspect("weights", Verdict.DIVERGED, 0.9), aspect("init", Verdict.IDENTICAL)),
        first_divergence=Divergence(3, says="first apart at step 3"),
    )
    here = run()
    items = {item.claim: item for item in module.weigh(here, build(here), rerun)}
    assert items["recipe"].outcome is Status.CONTRADICTED
    assert items["recipe"].says == "the rerun of the recipe diverged in weights"
    assert items["recipe"].detail == "first apart at step 3"
    assert items["recipe"].paths == (WEIGHTS,)
    assert items["seed"].outcome is Status.VERIFIED
    assert set(items) == {"recipe", "seed", "r"}


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.CONSISTENT])
def test_what_is_not_close_and_not_apart_decides_nothing(verdict: Verdict) -> None:
    found = said(result(verdict, aspect("weights", verdict, None), why="the floor is too high to tell"))
    assert found == {
        "recipe": (Status.UNVERIFIABLE, f"the rerun is {verdict.word}: the floor is too high to tell")
    }


def test_a_part_without_weights_verifies_no_recipe() -> None:
    """Five steps of a curve may agree bit for bit, and nothing was held against what is published."""
    seen = result(Verdict.IDENTICAL, aspect("curve", Verdict.IDENTICAL))
    part = replace(seen, plan=replace(seen.plan, span="prefix", stop_at=5))
    says = "the rerun of the first 5 of 450 steps is identical to what was committed, and no weights could be compared"
    assert said(part)["recipe"] == (Status.UNVERIFIABLE, says)
    weighed = replace(part, aspects=(*part.aspects, aspect("weights", Verdict.IDENTICAL)))
    assert said(weighed)["recipe"] == (
        Status.VERIFIED,
        "the rerun of the first 5 of 450 steps is identical to what was committed",
    )


def test_the_result_of_another_run_is_not_taken() -> None:
    assert said(result(Verdict.IDENTICAL, aspect("weights", Verdict.IDENTICAL), of="other")) == {}
