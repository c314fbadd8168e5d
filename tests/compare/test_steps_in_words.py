import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.compare.states import describe_optimizer, describe_scaler, describe_schedule, steps_in_words
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_optimizer, make_scaler, make_scheduler, make_torch

UNEXPLAINED = "scaler.pt tells of 3 skipped, which does not explain it"


def said(
    updates: tuple[float, ...] | None,
    last_epoch: int | None = None,
    scale: float | None = None,
    tracker: int = 5,
) -> tuple[str, ...]:
    """About a run of 450 steps."""
    optimizer = schedule = scaler = None
    if updates is not None:
        state = {n: {"step": step, "exp_avg": Tensor([0.0], (1,))} for n, step in enumerate(updates)}
        data = make_torch({"state": state, "param_groups": []})
        optimizer = describe_optimizer(OptimizerState.parse(blob(data, "optimizer.pt")))
    if last_epoch is not None:
        read = SchedulerState.parse(blob(make_scheduler(last_epoch), "scheduler.pt"))
        schedule = describe_schedule(read, None, None)
    if scale is not None:
        scaler = describe_scaler(ScalerState.parse(blob(make_scaler(scale, tracker), "scaler.pt")), 450)
    return steps_in_words(450, optimizer, schedule, scaler)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            said((450.0, 450.0), 450),
            ("every parameter was updated in all 450 steps", "the scheduler made all 450 steps"),
        ),
        (
            # Three skips halve 65,536 three times.
            said((447.0,), 447, 8192.0),
            (
                "every parameter was updated 447 times in 450 steps; scaler.pt tells of 3 skipped, which explains it",
                "the scheduler made 447 of 450 steps; scaler.pt tells of 3 skipped, which explains it",
            ),
        ),
        (
            said((440.0,), None, 8192.0),
            (f"every parameter was updated 440 times in 450 steps; {UNEXPLAINED}",),
        ),
        (said((460.0,)), ("every parameter was updated 460 times in 450 steps",)),
        (said((9.0, 450.0)), ("parameters were updated 9 to 450 times in 450 steps",)),
        (said((), 450), ("the scheduler made all 450 steps",)),
        (said(None), ()),
    ],
)
def test_counters_are_held_against_each_other(told: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert told == expected


def test_optimizers_that_count_nothing_say_so() -> None:
    data = make_torch({"state": {0: {"momentum_buffer": Tensor([0.0], (1,))}}, "param_groups": []})
    assert steps_in_words(9, describe_optimizer(OptimizerState.parse(blob(data)))) == (
        "the optimizer counts no updates",
    )
    assert steps_in_words(None, describe_optimizer(OptimizerState.parse(blob(make_optimizer([(1,)]))))) == ()
