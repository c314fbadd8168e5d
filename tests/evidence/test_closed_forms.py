"""Closed forms against Transformers' own schedulers, step by step, and options that have no meaning."""

from collections.abc import Mapping

import pytest

from auditor.evidence._closed_forms import FORMS, Schedule, factor, has_form

PEAK, WARMUP, TOTAL = 3e-4, 7, 60

CASES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.5}),
    ("constant", {}),
    ("constant_with_warmup", {}),
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
@pytest.mark.parametrize("warmup", [0, WARMUP])
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_every_step_is_the_library_s(kind: str, options: Mapping[str, object], warmup: int) -> None:
    """RTOL of the evidence is 1e-9; what remains here is the order of operations."""
    torch = pytest.importorskip("torch")
    from transformers import get_scheduler

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = get_scheduler(kind, optimizer, warmup, TOTAL, dict(options))
    schedule = Schedule(warmup, TOTAL, PEAK, options)
    assert has_form(kind, schedule)
    for step in range(TOTAL + 1):
        assert PEAK * factor(kind, step, schedule) == pytest.approx(
            scheduler.get_last_lr()[0], rel=1e-12, abs=1e-18
        )
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
        # get_scheduler raises without one of them.
        ("cosine_with_min_lr", {}),
        ("warmup_stable_decay", {}),
        ("warmup_stable_decay", {"num_decay_steps": 20, "warmup_type": "step"}),
        ("polynomial", {"power": -1}),
        ("inverse_sqrt", {"timescale": 0}),
    ],
)
def test_what_has_no_form(kind: str, options: Mapping[str, object]) -> None:
    assert not has_form(kind, Schedule(WARMUP, TOTAL, PEAK, options))
