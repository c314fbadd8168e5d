import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.states import ScheduleDescription, describe_schedule
from tests.builders.blobs import blob, json_blob
from tests.builders.pickles import make_scheduler, make_torch

PEAK = 2e-4
COSINE = {"lr_scheduler_type": "cosine", "learning_rate": PEAK, "warmup_steps": 10, "lr_scheduler_kwargs": {}}


def scheduler(last_epoch: int = 40, last_lr: float = 0.0, **more: object) -> SchedulerState:
    data = make_scheduler(last_epoch, PEAK, last_lr, **more)  # type: ignore[arg-type]
    return SchedulerState.parse(blob(data, "checkpoint-40/scheduler.pt"))


def trainer(max_steps: int = 100, global_step: int = 40) -> TrainerState:
    return TrainerState.parse(
        json_blob({"max_steps": max_steps, "global_step": global_step}, "trainer_state.json")
    )


def described(
    last_lr: float, arguments: Mapping[str, object] | None = COSINE, last_epoch: int = 40
) -> ScheduleDescription:
    return describe_schedule(scheduler(last_epoch, last_lr), trainer(), arguments)


def test_a_cosine_that_agrees() -> None:
    """Half a cosine from step 10 to 100: at 40 a third of it is done, and cos(pi / 3) = 1/2."""
    told = described(PEAK * 0.75)
    assert (told.kind, told.warmup, told.total, told.peak) == ("cosine", 10, 100, PEAK)
    assert told.expected == pytest.approx((PEAK * 0.75, PEAK * 0.75), rel=1e-12)
    assert told.agrees is True
    assert told.says == (
        "cosine after 10 warm-up steps to step 100 from 0.0002 gives the rate 0.00015 that scheduler.pt has at step 40"
    )
    assert told.notes == ()
    curve = dict(told.curve)
    assert len(curve) == 101
    assert (curve[0], curve[5], curve[10]) == (0.0, PEAK / 2, PEAK)
    assert curve[100] == pytest.approx(0.0, abs=1e-18)


def test_a_rate_beside_the_curve() -> None:
    told = described(PEAK * 0.74)
    assert told.agrees is False
    assert told.says == (
        "cosine after 10 warm-up steps to step 100 from 0.0002 gives 0.00015 at step 40, and scheduler.pt has 0.000148"
    )


def test_groups_are_scaled_each_from_its_own_rate() -> None:
    """LoRA+ gives lora_B its own rate; the multiplier is one for all."""
    state = scheduler(40, 0.0, base_lrs=[PEAK, 16 * PEAK], _last_lr=[PEAK * 0.75, PEAK * 12])
    told = describe_schedule(state, trainer(), COSINE)
    assert told.agrees is True
    assert told.notes == ("the optimizer was built with 0.0032, and the training arguments ask for 0.0002",)


def test_the_end_of_a_cosine_is_zero_to_the_last_digit() -> None:
    assert described(0.0, last_epoch=100).agrees is True
    assert described(PEAK * 1e-17, last_epoch=100).agrees is True


def test_a_scheduler_behind_the_run_is_told() -> None:
    told = describe_schedule(scheduler(37, 0.0), trainer(), COSINE)
    assert told.notes == ("the scheduler is 3 steps behind global_step 40",)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (None, "no training arguments say which schedule was asked for, and scheduler.pt does not keep it"),
        ({"learning_rate": PEAK}, "the training arguments name no lr_scheduler_type"),
        ({"lr_scheduler_type": "linear"}, "the training arguments name no learning_rate"),
        ({**COSINE, "lr_scheduler_type": "onecycle"}, "the schedule is none of Transformers'"),
        ({**COSINE, "lr_scheduler_kwargs": {"lr_end": 0}}, "cosine takes no lr_end"),
        (
            {**COSINE, "lr_scheduler_type": "cosine_with_min_lr"},
            "lr_scheduler_kwargs give cosine_with_min_lr no rate",
        ),
        (
            {**COSINE, "lr_scheduler_type": "greedy"},
            "greedy follows the losses, so it has no closed form",
        ),
        (
            {**COSINE, "lr_scheduler_type": "reduce_lr_on_plateau"},
            "reduce_lr_on_plateau follows the metric of each evaluation, so it has no closed form",
        ),
    ],
)
def test_what_has_no_closed_form(arguments: Mapping[str, object] | None, says: str) -> None:
    told = described(1e-5, arguments)
    assert (told.says, told.expected, told.agrees, told.curve) == (says, None, None, ())
    assert told.last_lr == (1e-5, 1e-5)


def test_the_state_of_another_scheduler_than_asked_for() -> None:
    plateau = {"factor": 0.1, "patience": 10, "num_bad_epochs": 0, "last_epoch": 3, "_last_lr": [1e-5]}
    state = SchedulerState.parse(blob(make_torch(plateau), "scheduler.pt"))
    told = describe_schedule(state, trainer(), COSINE)
    assert told.kind == "reduce_lr_on_plateau"
    assert (
        told.says
        == "scheduler.pt holds the state of reduce_lr_on_plateau, and the training arguments ask for cosine"
    )


def test_without_a_scheduler_the_curve_is_still_drawn() -> None:
    told = describe_schedule(None, trainer(), COSINE)
    assert (
        told.says
        == "cosine after 10 warm-up steps to step 100 from 0.0002; no scheduler.pt was read to hold it against"
    )
    assert len(told.curve) == 101
    assert (
        describe_schedule(None, None, COSINE).says == "the number of steps of the whole schedule is not known"
    )


def test_long_schedules_are_sampled() -> None:
    told = describe_schedule(None, trainer(max_steps=1_000_000), {**COSINE, "warmup_steps": 12_345})
    steps = [step for step, _ in told.curve]
    assert len(steps) <= 200
    assert (steps[0], steps[-1]) == (0, 1_000_000)
    assert dict(told.curve)[12_345] == PEAK


@pytest.mark.parametrize(
    ("arguments", "warmup"),
    [
        ({"warmup_ratio": 0.07}, 8),  # ceil(100 * 0.07): 7.000000000000001 in floating point
        ({"warmup_ratio": 0.1, "warmup_steps": 3}, 3),
        ({"warmup_steps": 0.25}, 25),
        ({"warmup_steps": 0, "warmup_ratio": 0.5}, 50),
        ({"warmup_steps": True}, 0),
        ({"warmup_steps": math.inf}, 0),
        ({}, 0),
    ],
)
def test_warm_up_steps(arguments: Mapping[str, object], warmup: int) -> None:
    base = {"lr_scheduler_type": "SchedulerType.LINEAR", "learning_rate": PEAK}
    assert describe_schedule(None, trainer(), {**base, **arguments}).warmup == warmup


def test_warm_ups_of_older_releases_agree_too() -> None:
    """transformers 4.46.3, `_get_wsd_scheduler_lambda`: 5 of 10 warm-up steps are half the peak, whatever the least."""
    options = {"num_decay_steps": 20, "min_lr_ratio": 0.2}
    asked = {**COSINE, "lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": options}
    for factor, agrees in ((0.5, True), (0.5 * 0.8 + 0.2, True), (0.55, False)):
        told = describe_schedule(scheduler(5, PEAK * factor), trainer(global_step=5), asked)
        assert told.agrees is agrees
        assert agrees is (told.expected == pytest.approx((PEAK * factor,) * 2, rel=1e-12))
    assert describe_schedule(scheduler(5, PEAK * 0.5), trainer(), asked).curve[0] == (0, 0.0)


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["cosine", "linear", "inverse_sqrt", "polynomial", "warmup_stable_decay"])
def test_files_of_the_library_agree(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from transformers import get_scheduler

    options = {"num_decay_steps": 20} if kind == "warmup_stable_decay" else {}
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    made = get_scheduler(kind, optimizer, 10, 100, options)
    for _ in range(90):
        optimizer.step()
        made.step()
    torch.save(made.state_dict(), tmp_path / "scheduler.pt")
    state = SchedulerState.parse(blob((tmp_path / "scheduler.pt").read_bytes(), "scheduler.pt"))
    arguments = {**COSINE, "lr_scheduler_type": kind, "lr_scheduler_kwargs": options}
    told = describe_schedule(state, trainer(), arguments)
    assert told.agrees is True, told.says
    assert told.last_lr == pytest.approx(told.expected, rel=1e-12)


@pytest.mark.rerun
def test_schedulers_that_follow_the_losses_are_recognised(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from transformers import get_scheduler

    for kind in ("reduce_lr_on_plateau", "greedy"):
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
        made = get_scheduler(kind, optimizer)
        made.step(1.0)
        torch.save(made.state_dict(), tmp_path / "scheduler.pt")
        state = SchedulerState.parse(blob((tmp_path / "scheduler.pt").read_bytes(), "scheduler.pt"))
        told = describe_schedule(state, trainer(), {**COSINE, "lr_scheduler_type": kind})
        assert told.kind == kind
        assert told.says.endswith("so it has no closed form")
        assert describe_schedule(state, None, None).kind == kind
