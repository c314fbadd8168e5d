"""States of random generators some numbers behind a seed, made by NumPy and Python themselves."""

import random
import re
import struct

import numpy

from tests.builders.pickles import Tensor, cpu_state, make_torch, numpy_array

_HEAD = struct.Struct("<Qiiq")


def torch_state(seed: int, numbers: int) -> bytes:
    """torch's CPU state after numbers were drawn: the words and position of NumPy's twister, seeded alike."""
    if numbers == 0:
        return cpu_state(seed)
    twister = numpy.random.RandomState(seed)
    twister.bytes(4 * numbers)
    inner = twister.get_state(legacy=False)["state"]
    head = _HEAD.pack(seed, 625 - inner["pos"], 1, inner["pos"])
    return head + struct.pack("<624Q", *inner["key"].tolist()) + bytes(5056 - _HEAD.size - 624 * 8)


def numpy_state(seed: int, numbers: int) -> tuple[object, ...]:
    twister = numpy.random.RandomState(seed)
    if numbers:
        twister.bytes(4 * numbers)
    inner = twister.get_state(legacy=False)["state"]
    return "MT19937", numpy_array(inner["key"].astype("<u4").tobytes(), "u4", (624,)), inner["pos"], 0, 0.0


def python_state(seed: int, numbers: int) -> object:
    generator = random.Random(seed)
    for _ in range(numbers):
        generator.getrandbits(32)
    return generator.getstate()


def make_generators(
    cpu: tuple[int, int] | None = (42, 0),
    numpy: tuple[int, int] = (42, 0),
    python: tuple[int, int] = (42, 0),
    cuda: tuple[tuple[int, int], ...] = (),
) -> bytes:
    """An rng_state.pth whose generators were seeded and drew so many numbers; CUDA states are (seed, offset)."""
    value: dict[str, object] = {"numpy": numpy_state(*numpy), "python": python_state(*python)}
    if cpu is not None:
        value["cpu"] = Tensor(torch_state(*cpu), (5056,), "uint8")
    value["cuda"] = [Tensor(struct.pack("<QQ", *item), (16,), "uint8") for item in cuda]
    return make_torch(value)


def drawn(words: str) -> bytes:
    """An rng_state.pth of one GPU: ``6 numbers drawn on the CPU, offset 0 on the GPU``, after seed 42."""
    found = re.fullmatch(r"(\d+) numbers drawn on the CPU, offset (\d+) on the GPU", words)
    if found is None:
        raise ValueError(f"no such generators: {words!r}")
    return make_generators(cpu=(42, int(found[1])), cuda=((42, int(found[2])),))
