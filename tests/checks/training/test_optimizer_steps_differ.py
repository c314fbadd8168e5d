from tests.builders.pickles import make_optimizer, make_scaler, make_scheduler
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "optimizer-steps-differ"
FILE = "checkpoint-18/optimizer.pt"
SCHEDULER = "checkpoint-18/scheduler.pt"


def optimizer(step: float) -> dict[str, bytes]:
    return {FILE: make_optimizer([(8, 4), (4, 8)], step=step)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_steps_that_were_skipped_everywhere() -> None:
    assert found(RULE, healthy(data={**optimizer(15), SCHEDULER: make_scheduler(last_epoch=15)})) == []
    assert found(RULE, healthy(data=optimizer(15), without=[SCHEDULER])) == []


def test_passes_a_step_that_a_fused_optimizer_skipped_under_fp16() -> None:
    # 17 updates in 18 steps, scheduler at 18, and the scale halved once from 65,536.
    scaler = {"checkpoint-18/scaler.pt": make_scaler(scale=32768.0)}
    assert found(RULE, healthy(data={**optimizer(17), **scaler})) == []


def test_fails_where_the_scale_leaves_no_room_for_the_missing_updates() -> None:
    scaler = {"checkpoint-18/scaler.pt": make_scaler(scale=32768.0)}
    (only,) = found(RULE, healthy(data={**optimizer(9), **scaler}))
    assert only.severity is ERROR


def test_fails_for_updates_of_a_failed_attempt() -> None:
    # Measured with transformers 4.51.3: 24 updates in 20 steps after an attempt that ran out of memory.
    assert found(RULE, healthy(data=optimizer(22))) == [
        finding(
            RULE,
            WARNING,
            "parameters were updated 22 times in 18 steps",
            FILE,
            "state/step",
            expected="18",
            observed="22",
            evidence=("updates of a failed attempt stay in model and optimizer",),
        )
    ]


def test_fails_as_an_error_for_an_earlier_optimizer() -> None:
    assert found(RULE, healthy(data=optimizer(9))) == [
        finding(
            RULE,
            ERROR,
            "every parameter was updated 9 times, and scheduler and state count 18 steps",
            FILE,
            "state/step",
            expected="18",
            observed="9",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched"]
    arguments = [f"{folder}training_args.bin" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    declared = "cheetah-fine-tuning-config.json"
    edits = {declared: {"/train_model_parameters/mixed_precision": "fp16"}}
    events = [path for path in healthy().files if "tfevents" in path]
    half = healthy(data=optimizer(9), json_edits=edits, without=[*arguments, *events])
    assert reasons(RULE, half) == [
        "the precision is not known, or no scaler.pt tells how many steps fp16 skipped"
    ]
    empty = {f"{folder}optimizer.pt": make_optimizer([]) for folder in ("checkpoint-9/", "checkpoint-18/")}
    assert reasons(RULE, healthy(data=empty)) == ["the state or the optimizer records no step"] * 2
