import random
import struct
from pathlib import Path

import pytest

from auditor.artifacts.rng_state import RngState
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL, make_bomb
from tests.builders.pickles import Opcodes, Tensor, cpu_state, make_rng, make_torch
from tests.builders.repositories import contents


def parsed(data: bytes, name: str = "rng_state.pth") -> RngState:
    return RngState.parse(blob(data, f"checkpoint-450/{name}"))


def test_all_generators_are_read() -> None:
    state = parsed(make_rng(seed=3407))
    assert state.python == random.Random(3407).getstate()
    assert state.numpy == struct.pack("<624I", *range(624)) + b"(624, 0, 0.0)"
    assert state.cpu == cpu_state(3407)
    assert state.cuda == (struct.pack("<QQ", 3407, 0),)
    assert state.cpu_seed == 3407
    assert state.cuda_seeds == (3407,)


@pytest.mark.parametrize(
    ("name", "rank"),
    [("rng_state.pth", None), ("rng_state_0.pth", 0), ("rng_state_13.pth", 13), ("rng_state_x.pth", None)],
)
def test_the_rank_is_in_the_name(name: str, rank: int | None) -> None:
    assert parsed(make_rng(), name).rank == rank


def test_several_devices_and_none_are_read() -> None:
    assert parsed(make_rng(seed=7, devices=3)).cuda_seeds == (7, 7, 7)
    assert parsed(make_rng(devices=0)).cuda == ()


def test_numpy_states_in_dict_form_are_equal_to_tuples() -> None:
    keys = pickles.numpy_array(struct.pack("<624I", *range(624)), "u4", (624,))
    inner = {"bit_generator": "MT19937", "state": {"key": keys, "pos": 624}, "has_gauss": 0, "gauss": 0.0}
    assert parsed(make_torch({"numpy": inner})).numpy == parsed(make_rng()).numpy


SHORT = random.Random(1).getstate()


@pytest.mark.parametrize(
    "python",
    [
        None,
        3,
        (2, SHORT[1], None),
        (3, SHORT[1][:-1], None),
        (3, (-1, *SHORT[1][1:]), None),
        (3, SHORT[1], "x"),
    ],
)
def test_states_of_another_form_are_unknown(python: object) -> None:
    state = parsed(make_torch({"python": python, "numpy": ("PCG64", 1), "cpu": [1, 2]}))
    assert (state.python, state.numpy, state.cpu, state.cpu_seed) == (None, None, None, None)


def test_states_of_unknown_size_have_no_seed() -> None:
    state = parsed(
        make_torch({"cpu": Tensor([0] * 24, (24,), "uint8"), "cuda": Tensor([1] * 17, (17,), "uint8")})
    )
    assert state.cpu == bytes(24)
    assert (state.cpu_seed, state.cuda_seeds) == (None, ())


def test_a_state_at_an_offset_is_read_from_there() -> None:
    state = parsed(make_torch({"cpu": Tensor(range(8), (3,), "uint8", offset=2)}))
    assert state.cpu == bytes([2, 3, 4])


@pytest.mark.parametrize("value", [{}, {"state": 1}, [1], EVIL["reduce"]("x")])
def test_files_that_hold_something_else_are_refused(value: object) -> None:
    with pytest.raises(CannotRead, match="does not hold the states of random generators"):
        parsed(make_torch(value))


def test_hostile_states_stay_small() -> None:
    bomb = Opcodes(make_bomb(60)[2:-1])
    state = parsed(make_torch({"python": bomb, "numpy": ("MT19937", bomb, bomb, 0, 0.0), "cuda": [bomb] * 5}))
    assert (state.python, state.numpy, state.cuda) == (None, None, ())
    assert state.facts()["python"].value is None


def test_a_missing_storage_is_refused() -> None:
    data = pickles.Writer().dumps({"cpu": Tensor([1] * 16, (16,), "uint8")})
    with pytest.raises(CannotRead, match="has no 16 bytes"):
        parsed(pickles.torch_zip(data))


def test_facts_differ_with_any_generator() -> None:
    one, two = parsed(make_rng(1)).facts(), parsed(make_rng(2)).facts()
    assert {key for key in one if one[key] != two[key]} == {"cpu", "cpu seed", "python", "cuda[0]"}


def test_the_honest_fixture_began_from_the_seed_of_its_arguments() -> None:
    from auditor.artifacts.training_args import TrainingArgs

    read, _ = contents("tiny", "candidate")
    paths = [path for path in read if RngState.matches(path)]
    assert paths
    for path in paths:
        arguments = path.rpartition("/")[0] + "/training_args.bin"
        seed = TrainingArgs.parse(blob(read[arguments], arguments)).values["seed"]
        assert RngState.parse(blob(read[path], path)).cpu_seed == seed


@pytest.mark.rerun
@pytest.mark.parametrize("seed", [42, 2**32 + 5])
def test_the_layout_of_the_generators_is_that_of_torch(seed: int, tmp_path: Path) -> None:
    import numpy
    import torch

    torch.manual_seed(seed)
    assert torch.get_rng_state().numpy().tobytes() == cpu_state(seed)
    torch.rand(1000)
    states = {"python": random.getstate(), "numpy": numpy.random.get_state(), "cpu": torch.get_rng_state()}
    torch.save(states, tmp_path / "rng_state.pth")
    found = parsed((tmp_path / "rng_state.pth").read_bytes())
    assert found.cpu_seed == seed
    assert found.python == random.getstate()
    assert found.numpy is not None
    keys = numpy.random.get_state(legacy=False)["state"]["key"]
    assert found.numpy.startswith(numpy.asarray(keys).tobytes())
