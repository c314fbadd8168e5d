"""Seeds in generator states: CPU state with the seed in its first eight bytes, CUDA state of seed and
offset.
"""

import random
from dataclasses import replace

import pytest

from auditor.artifacts.rng_state import CPU_STATE_BYTES, RngState
from auditor.evidence import seed_from_rng_state as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter, recipe, run_of, said, state, with_artifacts


def generator(
    rank: int | None, cpu: int, cuda: tuple[int, ...] = (), length: int = CPU_STATE_BYTES
) -> RngState:
    name = "rng_state.pth" if rank is None else f"rng_state_{rank}.pth"
    states = tuple(value.to_bytes(8, "little") + (4096).to_bytes(8, "little") for value in cuda)
    body = cpu.to_bytes(8, "little") + bytes(length - 8)
    return RngState(f"checkpoint-450/{name}", rank, None, None, body, states)


def run_with(*states: RngState, declared: object = 42) -> Run:
    run = run_of(
        {
            "adapter_config.json": adapter(),
            "cheetah-fine-tuning-config.json": recipe(train={"seed": declared}),
            "checkpoint-450/trainer_state.json": state(),
        }
    )
    return with_artifacts(run, *states)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((generator(None, 42),), (Status.VERIFIED, "torch's CPU generator was seeded with 42")),
        (
            (generator(None, 42, (42,)),),
            (Status.VERIFIED, "torch's CPU and CUDA generators were seeded with 42"),
        ),
        (
            (generator(None, 42, (7,)),),
            (Status.VERIFIED, "torch's CPU generator was seeded with 42"),
        ),
        (
            (generator(None, 1234),),
            (
                Status.CONTRADICTED,
                "seed is declared as 42, and torch's CPU generator was last seeded with 1234",
            ),
        ),
        (
            (generator(0, 42), generator(1, 43)),
            (
                Status.CONTRADICTED,
                "seed is declared as 42, and torch's CPU generator was last seeded with 42 and 43",
            ),
        ),
        (
            (generator(None, 42, length=5048),),
            (Status.UNVERIFIABLE, "the CPU generator's state has an unknown layout"),
        ),
    ],
)
def test_seeds(states: tuple[RngState, ...], expected: tuple[Status, str]) -> None:
    assert said(run_with(*states), module) == {"seed": expected}


def test_torch_seeded_anew_by_the_script_contradicts_nothing() -> None:
    """set_seed(42) seeded Python too, and a later torch.manual_seed(0) torch alone."""
    python = random.Random(42)
    python.random()
    alike = replace(generator(None, 0), python=python.getstate())
    assert said(run_with(alike), module)["seed"] == (
        Status.UNVERIFIABLE,
        "Python's generator was seeded with 42, and torch's CPU generator last with 0",
    )
    other = replace(generator(None, 0), python=random.Random(0).getstate())
    assert said(run_with(other), module)["seed"][0] is Status.CONTRADICTED


def test_the_healthy_run_was_seeded_with_42() -> None:
    assert said(run_of(healthy()), module)["seed"][0] is Status.VERIFIED


def test_cannot_look_at_a_state_that_was_not_fetched() -> None:
    assert said(run_of(seed()), module)["seed"] == (
        Status.UNVERIFIABLE,
        "checkpoint-450/rng_state.pth was not read (unfetched); its first bytes are the seed",
    )


def test_is_silent_without_a_declared_seed() -> None:
    assert said(run_with(generator(None, 42), declared=None), module) == {}
