from auditor.model import Snapshot
from tests.builders.pickles import make_scaler, make_scheduler
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ARGUMENTS,
    CONFIG,
    SCALER,
    STATES,
    arguments,
    event_path,
)

RULE = "scheduler-behind-steps"
FILE = "checkpoint-18/scheduler.pt"
BEHIND = {FILE: make_scheduler(last_epoch=15)}


def in_fp16(data: dict[str, bytes]) -> Snapshot:
    return healthy(data={ARGUMENTS: arguments(fp16=True), **BEHIND, **data})


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails() -> None:
    assert found(RULE, healthy(data=BEHIND)) == [
        finding(
            RULE,
            WARNING,
            "the scheduler is at step 15, and the run at step 18",
            FILE,
            "last_epoch",
            expected="18",
            observed="15",
            evidence=("fp16, whose scaler skips steps, did not run",),
        )
    ]


def test_passes_steps_that_fp16_skipped() -> None:
    # Three skips halve the scale three times: 65536 / 8 = 8192.
    assert found(RULE, in_fp16({SCALER: make_scaler(scale=8192.0)})) == []
    assert found(RULE, in_fp16({})) == []


def test_fails_where_the_scale_excludes_so_many_skips() -> None:
    (only,) = found(RULE, in_fp16({SCALER: make_scaler(scale=65536.0)}))
    assert only.evidence == ("the scale of scaler.pt is 65536, which 3 skipped steps would not leave",)


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/scheduler.pt was not read: unfetched"]
    gone = [f"{folder}training_args.bin" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    silent = healthy(data=BEHIND, without=[CONFIG, event_path(), *gone])
    assert reasons(RULE, silent) == ["the precision is not known, and fp16 skips steps"]
    plateau = make_scheduler(last_epoch=2, num_bad_epochs=0, patience=10, mode="min")
    assert reasons(RULE, healthy(data={FILE: plateau})) == [
        "reduce_lr_on_plateau counts evaluations, not steps"
    ]
    stepless = {path: {"/global_step": DELETE} for path in STATES}
    assert reasons(RULE, healthy(json_edits=stepless)) == ["the state or the scheduler records no step"] * 2
