import random
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.rng_state import RngState
from auditor.compare import mersenne
from auditor.compare.states import CudaDescription, describe_generators
from tests.builders.blobs import blob
from tests.builders.generators import make_generators
from tests.builders.pickles import Tensor, make_rng, make_torch
from tests.builders.repositories import contents


def state(name: str = "rng_state.pth", **generators: Any) -> RngState:
    """A file whose generators were seeded and drew so many numbers."""
    return RngState.parse(blob(make_generators(**generators), f"checkpoint-9/{name}"))


@given(
    seed=st.integers(0, 2**32 - 1),
    numbers=st.tuples(*[st.sampled_from([0, 1, 623, 624, 625, 1248, 1249, 9000])] * 3),
)
@settings(max_examples=25)
def test_every_number_drawn_is_counted(seed: int, numbers: tuple[int, int, int]) -> None:
    cpu, of_numpy, python = numbers
    found = describe_generators(
        [state(cpu=(seed, cpu), numpy=(seed, of_numpy), python=(seed, python))], most_refills=20
    )
    assert {one.name: (one.seed, one.draws) for one in found.ranks[0].generators} == {
        "cpu": (seed, cpu),
        "numpy": (seed, of_numpy),
        "python": (seed, python),
    }
    assert (found.world_size, found.seeds, found.notes) == (1, (seed,), ())


def test_a_position_beyond_the_search_is_said() -> None:
    cpu, *_ = describe_generators([state(cpu=(42, 625 * 30))], most_refills=20).ranks[0].generators
    assert (cpu.seed, cpu.draws) == (42, None)
    assert cpu.says == "seeded with 42, and not found within the first 12,480 numbers after seed 42"


def test_seeds_of_the_arguments_are_tried_too() -> None:
    """accelerate's device_specific seeds torch by rank; Python may still be at the run's own seed."""
    reseeded = state(cpu=(43, 3), numpy=(42, 1), python=(42, 2))
    found = describe_generators([reseeded], seeds=[42], most_refills=4)
    assert [(one.name, one.seed, one.draws) for one in found.ranks[0].generators] == [
        ("cpu", 43, 3),
        ("numpy", 42, 1),
        ("python", 42, 2),
    ]
    (note,) = found.notes
    assert note == (
        "the generators began from different seeds: the cpu generator from 43, the numpy generator from 42, "
        "the python generator from 42"
    )
    (_, of_numpy, _) = describe_generators([reseeded], most_refills=4).ranks[0].generators
    assert (of_numpy.seed, of_numpy.says) == (None, "not found within the first 2,496 numbers after seed 43")


def test_ranks_devices_and_offsets() -> None:
    ranks = [
        state(cuda=((42, 8), (42, 1280)), name="rng_state_1.pth"),
        state(cuda=((42, 4), (42, 0)), name="rng_state_0.pth"),
    ]
    found = describe_generators(ranks, most_refills=2)
    assert found.world_size == 2
    assert [rank.rank for rank in found.ranks] == [0, 1]
    assert found.ranks[1].cuda == (CudaDescription(0, 42, 8), CudaDescription(1, 42, 1280))
    assert found.notes == ()
    assert describe_generators(ranks[:1], most_refills=2).notes == ("the file of rank 0 is missing",)


def test_states_of_other_layouts_are_said() -> None:
    value = {"cpu": Tensor(bytes(16), (16,), "uint8"), "numpy": None, "python": None}
    found = describe_generators([RngState.parse(blob(make_torch(value), "rng_state.pth"))])
    assert [one.says for one in found.ranks[0].generators] == [
        "its state has another layout",
        "the file keeps no numpy generator",
        "the file keeps no python generator",
    ]
    unseeded = describe_generators([state(cpu=None)])
    assert unseeded.ranks[0].generators[1].says == "no seed is known to look its state up from"
    assert describe_generators([]).world_size is None


def test_words_of_no_seed_are_not_found() -> None:
    """The builder's NumPy words are 0, 1, 2, ...: no seed leads there."""
    found = describe_generators([RngState.parse(blob(make_rng(42), "rng_state.pth"))], most_refills=50)
    assert [(one.name, one.draws) for one in found.ranks[0].generators] == [
        ("cpu", 0),
        ("numpy", None),
        ("python", 0),
    ]


def test_one_wrong_word_is_no_match() -> None:
    words = mersenne.refilled(mersenne.seeded(7))
    wrong = (*words[:-1], words[-1] ^ 1)
    assert mersenne.positions(mersenne.seeded(7), [words, wrong], 5) == (1, None)


def test_the_tiny_run_drew_a_dropout_mask_a_step() -> None:
    """Two numbers for the data loader, and as many for every step: masks of 2**18 activations, whose sum is exact."""
    read, _ = contents("tiny", "candidate")
    draws = {}
    for step in (9, 18):
        path = f"checkpoint-{step}/rng_state.pth"
        found = describe_generators([RngState.parse(blob(read[path], path))])
        draws[step] = found.ranks[0].generators[0].draws
    first, last = draws[9], draws[18]
    assert first is not None
    assert last is not None
    assert last - first == first - 2


@pytest.mark.rerun
def test_torch_s_own_states(tmp_path: Path) -> None:
    """torch.rand takes one number a float32 (ATen/core/DistributionsHelper.h); a draw of 24 random bits."""
    torch = pytest.importorskip("torch")
    for numbers in (0, 5, 700, 100_000):
        torch.manual_seed(1234)
        random.seed(1234)
        numpy.random.seed(1234)
        torch.rand(numbers)
        value = {
            "python": random.getstate(),
            "numpy": numpy.random.get_state(),
            "cpu": torch.random.get_rng_state(),
        }
        torch.save(value, tmp_path / "rng_state.pth")
        data = (tmp_path / "rng_state.pth").read_bytes()
        found = describe_generators([RngState.parse(blob(data, "rng_state.pth"))])
        assert [(one.seed, one.draws) for one in found.ranks[0].generators] == [
            (1234, numbers),
            (1234, 0),
            (1234, 0),
        ]
