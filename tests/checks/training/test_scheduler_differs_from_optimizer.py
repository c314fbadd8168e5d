from tests.builders.pickles import make_scheduler, make_torch
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "scheduler-differs-from-optimizer"
FILE = "checkpoint-9/scheduler.pt"
# linear from 0.002 with 2 of 18 steps of warm-up, after 9 steps: 0.002 x (18 - 9) / (18 - 2).
RATE = 0.0011250000000000001


def scheduler(**values: object) -> dict[str, bytes]:
    """The scheduler of step 9 with other values."""
    known: dict[str, object] = {"last_epoch": 9, "base_lr": 0.002, "last_lr": RATE}
    return {FILE: make_scheduler(**{**known, **values})}  # type: ignore[arg-type]


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(data=scheduler())) == []


def test_passes_calls_that_accumulation_left_out() -> None:
    """accelerate 1.6.0, scheduler.py, `AcceleratedScheduler.step`; without arguments no Trainer is known."""
    counted = scheduler(_step_count=37)
    assert found(RULE, healthy(data=counted, without=["checkpoint-9/training_args.bin"])) == []


def test_fails_for_another_rate() -> None:
    assert found(RULE, healthy(data=scheduler(last_lr=0.001))) == [
        finding(
            RULE,
            ERROR,
            "checkpoint-9/scheduler.pt has the rate 0.001 for group 0, and optimizer.pt 0.001125",
            FILE,
            "_last_lr/0",
            expected="0.001125",
            observed="0.001",
            evidence=("_last_lr of the scheduler is lr of checkpoint-9/optimizer.pt",),
        )
    ]


def test_fails_for_another_peak_and_another_number_of_groups() -> None:
    (only,) = found(RULE, healthy(data=scheduler(base_lr=0.004)))
    assert only.at.member == "base_lrs/0"
    (only,) = found(RULE, healthy(data=scheduler(groups=1)))
    assert (only.expected, only.observed) == ("0.002", "none")


def test_fails_for_counters_that_do_not_fit() -> None:
    for count in (9, 11):
        (only,) = found(RULE, healthy(data=scheduler(_step_count=count)))
        assert only.message == f"checkpoint-9/scheduler.pt counts {count} calls in 9 steps"


def test_fails_for_a_scheduler_without_what_all_of_them_keep() -> None:
    bare = make_torch({"base_lrs": [0.002], "_last_lr": [RATE], "_step_count": 10})
    (only,) = found(RULE, healthy(data={FILE: bare}))
    assert only.message == "checkpoint-9/scheduler.pt holds rates and no last_epoch"
    (only,) = found(RULE, healthy(data=scheduler(lr_lambdas=[{}])))
    assert (only.at.member, only.expected, only.observed) == ("lr_lambdas", "2", "1")


def test_fails_for_a_state_inside_a_step() -> None:
    (only,) = found(RULE, healthy(data=scheduler(_get_lr_called_within_step=True)))
    assert only.at.member == "_get_lr_called_within_step"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/scheduler.pt was not read: unfetched"]
    gone = [f"checkpoint-{n}/optimizer.pt" for n in (9, 18)]
    assert reasons(RULE, healthy(without=gone)) == [
        "no optimizer.pt was read beside checkpoint-9/scheduler.pt",
        "no optimizer.pt was read beside checkpoint-18/scheduler.pt",
    ]
