from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.scaler_state import ScalerState
from auditor.compare.states import ScalerDescription, describe_scaler
from tests.builders.blobs import blob
from tests.builders.pickles import make_scaler, make_torch


def described(
    steps: int | None, scale: float = 65536.0, tracker: int = 450, **more: object
) -> ScalerDescription:
    data = make_scaler(scale, tracker, **more)
    return describe_scaler(ScalerState.parse(blob(data, "checkpoint-450/scaler.pt")), steps)


@given(
    found=st.lists(st.booleans(), max_size=200),
    interval=st.integers(1, 12),
)
@settings(max_examples=100)
def test_the_skips_that_happened_are_among_those_allowed(found: list[bool], interval: int) -> None:
    """torch's rule, step by step (ATen/native/cuda/AmpKernels.cu, amp_update_scale): back off, or count up and grow."""
    scale, tracker, growths = 65536.0, 0, 0
    for overflow in found:
        tracker = 0 if overflow else tracker + 1
        scale = scale / 2 if overflow else scale
        if tracker == interval:
            scale, tracker, growths = scale * 2, 0, growths + 1
    told = described(len(found), scale, tracker, growth_interval=interval)
    assert told.skips is not None
    assert told.growths is not None
    assert told.skips[0] <= sum(found) <= told.skips[1]
    assert told.growths[0] <= growths <= told.growths[1]


@pytest.mark.parametrize(
    ("steps", "scale", "tracker", "skips", "says"),
    [
        (450, 65536.0, 450, (0, 0), "0 of 450 steps skipped, and 0 doublings of the scale"),
        # Two skips in the 20 steps before the last 430.
        (450, 16384.0, 430, (2, 2), "2 of 450 steps skipped, and 0 doublings of the scale"),
        (4000, 262144.0, 0, (0, 0), "0 of 4,000 steps skipped, and 2 doublings of the scale"),
        # Growths and skips cancel. One of each leaves 2,089 steps, more than a skip throws away; three need 6,013.
        (4100, 65536.0, 10, (2, 2), "2 of 4,100 steps skipped, and 2 doublings of the scale"),
        (2100, 65536.0, 10, (1, 1), "1 of 2,100 steps skipped, and 1 doubling of the scale"),
    ],
)
def test_what_scale_and_tracker_leave(
    steps: int, scale: float, tracker: int, skips: tuple[int, int], says: str
) -> None:
    told = described(steps, scale, tracker)
    assert (told.skips, told.says) == (skips, says)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            described(450, 65536.0, 300),
            (
                "no number of skipped steps leaves a scale of 65536 after 450 steps from 65536; "
                "the scaler began from another scale or counted other steps"
            ),
        ),
        (
            described(450, 1024.0 * 3),
            "the scale 3072 is no power of two away from 65536, so it had another begin",
        ),
        (described(None, 32768.0), "the scale 32768 is -1 doublings from 65536; the steps are not known"),
    ],
)
def test_what_cannot_be_told(told: ScalerDescription, says: str) -> None:
    assert (told.skips, told.growths, told.says) == (None, None, says)


def test_a_scaler_that_was_never_used() -> None:
    """GradScaler(enabled=False).state_dict() is empty (torch 2.13.0, amp/grad_scaler.py)."""
    told = describe_scaler(ScalerState.parse(blob(make_torch({}), "scaler.pt")), 5)
    assert (told.scale, told.says) == (None, "the scaler was never used")


@pytest.mark.parametrize(("tracker", "interval"), [(-1, 2000), (0, -3), (2**60, 2**61), (0, 1)])
def test_impossible_fields_end(tracker: int, interval: int) -> None:
    assert described(2**62, 1.0, tracker, growth_interval=interval).says


@pytest.mark.rerun
def test_torch_s_own_scaler(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    scaler = torch.amp.GradScaler("cpu", growth_interval=5)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    overflows = [True, *[False] * 12, True, *[False] * 3]
    for overflow in overflows:
        weight.grad = torch.full((1,), float("inf") if overflow else 1.0)
        scaler.scale(torch.zeros(1))
        scaler.step(optimizer)
        scaler.update()
    torch.save(scaler.state_dict(), tmp_path / "scaler.pt")
    told = describe_scaler(
        ScalerState.parse(blob((tmp_path / "scaler.pt").read_bytes(), "scaler.pt")), len(overflows)
    )
    assert (told.growths_minus_skips, told.growth_tracker) == (0, 3)
    assert told.skips == (2, 2)
    assert told.growths == (2, 2)
