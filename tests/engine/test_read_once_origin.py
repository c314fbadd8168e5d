"""What the proof of a seed and the reach look at is kept while it passes by, however little room there is for it."""

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.compare import _lockstep, _one_pass, _windows
from auditor.compare.initial import IN_AN_AUDIT, Limits, numbers_held
from auditor.engine.inspect import InspectOptions, inspect
from tests.builders import adapter_folders as made
from tests.builders import drawn
from tests.builders.counting import Counted
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy
from tests.rerun.variants import committed, with_tensors

WEIGHTS = ("adapter_model.safetensors",)
SHAPES = tuple((f"model.layers.{n}.mlp.up_proj", 2000, 40) for n in range(6))
"""8,000 numbers in each lora_A, of 192 KB in all."""
SMALL = 60_000
"""Bytes: 4,096 numbers of three of the modules' six, or 2,500 of each."""


@pytest.fixture(params=["held", "slices"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "slices":
        monkeypatch.setattr(_one_pass, "LARGEST", 10)
        monkeypatch.setattr(_lockstep, "ROOM", 40_000)
    return str(request.param)


@pytest.mark.parametrize("asked", [InspectOptions(seed=42), InspectOptions(recover=(0, 50))])
@pytest.mark.parametrize(("drift", "told"), [(0.0, "proved"), (0.3, "consistent"), (20.0, "inconclusive")])
def test_a_seed_is_tried_on_what_there_is_room_for(
    way: str, monkeypatch: pytest.MonkeyPatch, asked: InspectOptions, drift: float, told: str
) -> None:
    """Seed 7 drew them; 42 is named wrongly, and noise of 20 times their spread hides both."""
    monkeypatch.setattr(_windows, "KEPT", SMALL)
    begun = drawn.factors(7, SHAPES)
    files = made.folder(drawn.trained(begun, drift) if drift else begun)
    source = Counted(made.snapshot(files))
    (run,) = inspect(source.snapshot, asked).runs
    assert source.factor(*WEIGHTS) == 1.0
    assert run.seed is not None
    if asked.seed is not None and told != "inconclusive":
        assert (run.seed.verdict, run.seed.other) == ("unreached", 7)
    else:
        assert run.seed.verdict == told


@pytest.mark.parametrize(
    ("room", "limits", "expected"),
    [
        (10**9, Limits(), [8000] * 6),
        (10**9, Limits(sample=IN_AN_AUDIT.sample), [4096] * 6),
        (192_000, Limits(), [8000] * 6),
        (6 * 4096 * 4 + 4 * 5000, Limits(), [8000, 4096 + 5000 - 3904, *[4096] * 4]),
        (SMALL, Limits(), [2500] * 6),
        (SMALL, Limits(modules=2), [8000, 7000]),
        (3, Limits(), [0] * 6),
    ],
)
def test_the_room_goes_to_all_modules_first_and_then_to_those_drawn_first(
    room: int, limits: Limits, expected: list[int]
) -> None:
    weights, config = drawn.adapter(drawn.factors(7, SHAPES))
    found = numbers_held(weights, config, None, limits, room)
    assert [count for name, count in found.items() if "lora_A" in name] == expected[: limits.modules]
    assert {count for name, count in found.items() if "lora_B" in name} == {0}
    assert 4 * sum(found.values()) <= room


@pytest.mark.parametrize("first", [0.0, -0.0])
@pytest.mark.parametrize("rest", [0.5, 0.0])
def test_a_lora_b_that_begins_with_zeros(way: str, first: float, rest: float) -> None:
    """The first 1,024 numbers do not tell whether a module was trained: all do, while they pass by."""
    factors = drawn.factors(42, tuple((name, 300, 600) for name, _, _ in SHAPES))
    for _, b in factors.values():
        b[:] = rest
        b.reshape(-1)[:1024] = first
    files = made.folder(factors)
    files["training_args.bin"] = make_training_args({"learning_rate": 2e-4, "seed": 42})
    source = Counted(made.snapshot(files))
    (run,) = inspect(source.snapshot).runs
    assert run.seed is not None
    untrained = "untrained modules" in run.seed.says
    assert (run.seed.verdict, untrained) == ("proved", True)
    assert source.factor(*WEIGHTS) == 1.0


@pytest.mark.parametrize("shift", [0.04, 0.0])
def test_a_lora_a_that_moved_too_far_is_looked_at_in_what_was_kept(way: str, shift: float) -> None:
    """The copy of test_inspect_origin: a shift is told from another basis without the file."""

    def edit(name: str, a: NDArray[Any]) -> NDArray[Any]:
        return (
            (a + shift if shift else a * 1.4).astype("f4")
            if "1.mlp.up_proj" in name and "lora_A" in name
            else a
        )

    data = {"adapter_model.safetensors": with_tensors(committed()["adapter_model.safetensors"], edit)}
    source = Counted(healthy(without=("checkpoint-9/", "checkpoint-18/"), data=data))
    (run,) = inspect(source.snapshot).runs
    assert run.reach is not None
    assert run.reach.drawn is not None
    assert run.reach.drawn.verdict == ("impossible" if shift else "unusual")
    assert source.factor(*WEIGHTS) == 1.0


def test_numbers_are_kept_of_the_whole_run_once() -> None:
    """Of two checkpoints and the run's own folder only two are looked at."""
    begun = drawn.factors(42, SHAPES)
    steps = [drawn.trained(begun, drift) for drift in (0.1, 0.2, 0.3)]
    files = {**made.folder(steps[0], "checkpoint-1"), **made.folder(steps[1], "checkpoint-2")}
    files |= made.folder(steps[2])
    source = Counted(made.snapshot(files))
    (run,) = inspect(source.snapshot, InspectOptions(seed=42)).runs
    assert run.seed is not None
    assert run.seed.verdict == "consistent"
    assert numpy.isclose(source.factor(*WEIGHTS), 1.0)
