from dataclasses import replace

from auditor.model import (
    Aspect,
    Divergence,
    Finding,
    Location,
    RerunPlan,
    RerunResult,
    Setting,
    Severity,
    Verdict,
)
from tests.builders.repositories import findings, healthy, run_rule

RULE = "rerun-diverged"
PLAN = RerunPlan(
    run=".",
    settings={
        "seed": Setting(42, "training_args.bin#seed"),
        "packing": Setting(True, "arithmetic", assumed=True),
    },
    span="whole",
    stop_at=18,
    total_steps=18,
    base="base",
    data="train.jsonl",
    coverage={},
)
WEIGHTS = Aspect(
    "weights", Verdict.IDENTICAL, 0.0, 2e-5, "all 28 tensors are bit-equal", "adapter_model.safetensors"
)
RERUN = RerunResult(
    run=".",
    plan=PLAN,
    environment={},
    verdict=Verdict.IDENTICAL,
    aspects=(WEIGHTS,),
    floor=2e-5,
    repeats=("the same settings: bit-equal",),
)


def test_passes() -> None:
    outcome = run_rule(RULE, healthy(), rerun=RERUN)
    assert outcome.findings == []
    assert outcome.ran == {RULE}


def test_fails() -> None:
    spliced = Aspect(
        "optimizer",
        Verdict.DIVERGED,
        0.5,
        1e-5,
        "parameter 0, exp_avg is 0.5 away",
        "checkpoint-9/optimizer.pt",
    )
    says = "no curve tells the step; optimizer of checkpoint-9/optimizer.pt is the first file that differs"
    rerun = replace(
        RERUN, verdict=Verdict.DIVERGED, aspects=(WEIGHTS, spliced), first_divergence=Divergence(9, says=says)
    )
    (found,) = findings(RULE, healthy(), rerun=rerun)
    assert found == Finding(
        RULE,
        Severity.ERROR,
        "the optimizer's state is not the one the recipe leaves: parameter 0, exp_avg is 0.5 away",
        Location("checkpoint-9/optimizer.pt", "optimizer"),
        expected="what the whole run of the recipe makes, within the noise measured (1e-05)",
        observed="a relative distance of 0.5",
        evidence=(
            says,
            "the same settings: bit-equal",
            "assumed, because no file says it: packing",
        ),
        fix=found.fix,
    )
    assert found.fix is not None
    assert found.fix.startswith("give the base model and the data that were really used")


def test_fails_once_for_weights_and_what_follows_from_them() -> None:
    root = Aspect("weights", Verdict.DIVERGED, 0.3, 1e-5, "0.3 away", "adapter_model.safetensors")
    early = Aspect(
        "weights", Verdict.DIVERGED, 0.2, 1e-5, "0.2 away", "checkpoint-9/adapter_model.safetensors"
    )
    curve = Aspect("curve", Verdict.DIVERGED, 0.1, 1e-5, "loss differs", "trainer_state.json")
    same = Aspect("init", Verdict.IDENTICAL, 0.0, None, "bit-equal", "adapter_model.safetensors")
    rerun = replace(
        RERUN,
        verdict=Verdict.DIVERGED,
        aspects=(same, curve, early, root, replace(curve, at="checkpoint-9/trainer_state.json")),
        first_divergence=Divergence(1, says="grad_norm first differs at step 1"),
        nearest="identical with lora_dropout = 0.0",
    )
    (found,) = findings(RULE, healthy(), rerun=rerun)
    assert found == Finding(
        RULE,
        Severity.ERROR,
        "the weights are not those the recipe makes: 0.3 away",
        Location("adapter_model.safetensors", "weights"),
        expected="what the whole run of the recipe makes, within the noise measured (1e-05)",
        observed="a relative distance of 0.3",
        evidence=(
            "nearest: identical with lora_dropout = 0.0",
            "grad_norm first differs at step 1",
            "trainer_state.json (curve): loss differs",
            "checkpoint-9/adapter_model.safetensors (weights): 0.2 away",
            "the same settings: bit-equal",
            "assumed, because no file says it: packing",
        ),
        fix=found.fix,
        also_at=(
            Location("trainer_state.json", "curve"),
            Location("checkpoint-9/adapter_model.safetensors", "weights"),
            Location("checkpoint-9/trainer_state.json", "curve"),
        ),
    )


def test_says_when_it_cannot_look() -> None:
    (without,) = run_rule(RULE, healthy()).not_applicable
    assert without.reason == "no rerun was made (give --rerun --base DIR --data PATH)"
    undecided = replace(RERUN, verdict=Verdict.INCONCLUSIVE, aspects=(), why="nothing was committed")
    (item,) = run_rule(RULE, healthy(), rerun=undecided).not_applicable
    assert item.reason == "the rerun is inconclusive: nothing was committed"
