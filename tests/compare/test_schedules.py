"""Closed forms against Transformers' own schedulers, step by step, and options that have no meaning."""

from collections.abc import Mapping

import pytest

from auditor.compare.schedules import FORMS, Named, Schedule, has_form, rate, sampled, why_no_form

PEAK, WARMUP, TOTAL = 3e-4, 7, 60

CASES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.5}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    # Left over from another schedule: get_scheduler does not pass them on.
    ("constant", {"num_cycles": 2}),
    ("constant_with_warmup", {"min_lr": 1e-5}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"lr_end": 1e-5, "power": 2.0}),
    ("inverse_sqrt", {}),
    ("inverse_sqrt", {"timescale": 20}),
    ("cosine_with_min_lr", {"min_lr": 3e-5}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.2, "num_cycles": 0.75}),
    ("cosine_warmup_with_min_lr", {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", {"min_lr": 3e-5, "warmup_lr_rate": 0.3}),
    ("warmup_stable_decay", {"num_decay_steps": 20}),
    ("warmup_stable_decay", {"num_decay_steps": 20, "decay_type": "linear", "min_lr_ratio": 0.1}),
    (
        "warmup_stable_decay",
        {"num_decay_steps": 10, "num_stable_steps": 30, "warmup_type": "cosine", "decay_type": "1-sqrt"},
    ),
    ("warmup_stable_decay", {"num_decay_steps": 20, "warmup_type": "1-sqrt"}),
)


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("warmup", [0, 1, WARMUP, TOTAL, TOTAL + 5])
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_every_step_is_the_library_s(kind: str, options: Mapping[str, object], warmup: int) -> None:
    """RTOL of the evidence is 1e-9; what remains here is the order of operations. Resumed runs go beyond the total."""
    torch = pytest.importorskip("torch")
    from transformers import get_scheduler

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = get_scheduler(kind, optimizer, warmup, TOTAL, dict(options))
    schedule = Schedule(warmup, TOTAL, PEAK, options)
    if kind == "polynomial" and warmup == TOTAL:
        assert not has_form(kind, schedule), "the library divides by zero"
        return
    assert has_form(kind, schedule)
    for step in range(TOTAL + 15):
        assert rate(kind, step, schedule) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12, abs=1e-18)
        optimizer.step()
        scheduler.step()


@pytest.mark.rerun
def test_every_schedule_of_the_library_is_here_or_follows_the_losses() -> None:
    pytest.importorskip("transformers")
    from transformers.trainer_utils import SchedulerType

    assert {item.value for item in SchedulerType} - set(FORMS) <= {"reduce_lr_on_plateau", "greedy"}


def test_every_form_is_tried() -> None:
    assert {kind for kind, _ in CASES} == set(FORMS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("reduce_lr_on_plateau", {}),
        ("linear", {"num_cycles": 1}),
        ("cosine", {"num_cycles": "two"}),
        ("cosine", {"num_cycles": float("inf")}),
        # get_scheduler raises without one of them, and with both.
        ("cosine_with_min_lr", {"min_lr": 1e-5, "min_lr_rate": 0.1}),
        ("cosine_with_min_lr", {}),
        ("warmup_stable_decay", {}),
        ("warmup_stable_decay", {"num_decay_steps": 20, "warmup_type": "step"}),
        ("polynomial", {"power": -1}),
        ("inverse_sqrt", {"timescale": 0}),
    ],
)
def test_what_has_no_form(kind: str, options: Mapping[str, object]) -> None:
    assert not has_form(kind, Schedule(WARMUP, TOTAL, PEAK, options))


def test_schedules_that_follow_the_losses_say_so() -> None:
    for kind in ("reduce_lr_on_plateau", "greedy"):
        assert str(why_no_form(kind, Schedule(0, TOTAL, PEAK))).endswith("so it has no closed form")


@pytest.mark.parametrize("total", [1, 2, 199, 200, 10**6])
def test_curves_are_sampled_from_the_first_to_the_last_step(total: int) -> None:
    points = sampled(Named("linear", Schedule(min(3, total), total, PEAK)))
    steps = [step for step, _ in points]
    assert (steps[0], steps[-1]) == (0, total)
    assert steps == sorted(set(steps))
    assert len(steps) <= 200
    assert min(3, total) in steps
