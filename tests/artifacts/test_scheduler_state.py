from pathlib import Path

import pytest

from auditor.artifacts.scheduler_state import SchedulerState
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL
from tests.builders.pickles import make_scheduler, make_torch
from tests.builders.repositories import contents


def parsed(data: bytes) -> SchedulerState:
    return SchedulerState.parse(blob(data, "checkpoint-450/scheduler.pt"))


def test_counters_and_rates_are_read() -> None:
    scheduler = parsed(make_scheduler(last_epoch=450, base_lr=2e-4, last_lr=1e-5, verbose=False))
    assert (scheduler.last_epoch, scheduler.step_count) == (450, 451)
    assert scheduler.base_lrs == (2e-4, 2e-4)
    assert scheduler.last_lr == (1e-5, 1e-5)
    assert scheduler.raw["verbose"] is False


def test_values_of_other_types_are_unknown() -> None:
    value = {
        "last_epoch": True,
        "base_lrs": 0.1,
        "_last_lr": [0.5, "x", None, True, 1, 2**5000],
        "_step_count": 1.5,
    }
    scheduler = parsed(make_torch(value))
    assert (scheduler.last_epoch, scheduler.step_count, scheduler.base_lrs) == (None, None, ())
    assert scheduler.last_lr == (0.5, 1.0)


@pytest.mark.parametrize("value", [{}, {"scale": 1.0}, [1], 3, EVIL["reduce"]("x")])
def test_files_that_hold_something_else_are_refused(value: object) -> None:
    with pytest.raises(CannotRead, match="does not hold the state of a learning-rate scheduler"):
        parsed(make_torch(value))


def test_facts_compare_counters_exactly_and_rates_closely() -> None:
    facts = parsed(make_scheduler(groups=1)).facts()
    assert (facts["last_epoch"].value, facts["last_epoch"].rtol) == (450, 0.0)
    assert (facts["base_lrs[0]"].value, facts["base_lrs[0]"].rtol) == (0.0002, 1e-12)


def test_the_honest_fixture_counts_its_steps() -> None:
    read, _ = contents("tiny", "candidate")
    found = {p: SchedulerState.parse(blob(d, p)) for p, d in read.items() if SchedulerState.matches(p)}
    assert found
    for path, scheduler in found.items():
        assert path.split("/")[-2] == f"checkpoint-{scheduler.last_epoch}"


@pytest.mark.rerun
def test_the_state_torch_saves_is_read(tmp_path: Path) -> None:
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    torch.save(scheduler.state_dict(), tmp_path / "scheduler.pt")
    found = parsed((tmp_path / "scheduler.pt").read_bytes())
    # three steps: 0.5 / (1 + 3)
    assert (found.last_epoch, found.base_lrs, found.last_lr) == (3, (0.5,), (0.125,))
