"""Adapters drawn as PEFT draws them, in plain Python: another generator and other arithmetic than the auditor's."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy
from numpy.typing import NDArray

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.mersenne import WORDS, seeded
from tests.builders.blobs import blob, json_blob
from tests.builders.safetensors import entry, make_safetensors

Shape = tuple[str, int, int]
Factors = dict[str, tuple[NDArray[numpy.float32], NDArray[numpy.float32]]]
BLOCK: tuple[Shape, ...] = (
    *((f"self_attn.{name}", 48, 48) for name in ("q_proj", "k_proj", "v_proj", "o_proj")),
    *(("mlp.gate_proj", 48, 64), ("mlp.up_proj", 48, 64), ("mlp.down_proj", 64, 48)),
)
MODULES: tuple[Shape, ...] = tuple(
    (f"model.layers.{layer}.{name}", inputs, outputs) for layer in range(2) for name, inputs, outputs in BLOCK
)
"""Two blocks of the Llama shape, in the order in which its classes register them."""


def words(seed: int) -> Iterator[int]:
    """The 32-bit words after ``torch.manual_seed(seed)``, by CPython's generator in the state of init_genrand."""
    source = random.Random()
    source.setstate((3, (*seeded(seed), WORDS), None))
    while True:
        yield source.getrandbits(32)


def uniform_draws(stream: Iterator[int], count: int, bound: float) -> list[float]:
    """``uniform_(-bound, bound)``: 24 bits a number."""
    bound = float(numpy.float32(bound))  # torch's bounds are float32, as the tensor is
    return [bound * (2 * (next(stream) % 2**24) / 2**24 - 1) for _ in range(count)]


def _normal(stream: Iterator[int], count: int, std: float) -> list[float]:
    """Box-Muller over blocks of sixteen; the last sixteen of a ragged count are drawn anew."""
    made = [next(stream) % 2**24 / 2**24 for _ in range(count)]
    found = [0.0] * count
    starts = list(range(0, count - 15, 16))
    for start in starts:
        found[start : start + 16] = _box_muller(made[start : start + 16], std)
    if count % 16:
        found[-16:] = _box_muller([next(stream) % 2**24 / 2**24 for _ in range(16)], std)
    return found


def _box_muller(made: Sequence[float], std: float) -> list[float]:
    pairs = [(math.sqrt(-2 * math.log(1 - made[at])), 2 * math.pi * made[at + 8]) for at in range(8)]
    return [std * r * math.cos(t) for r, t in pairs] + [std * r * math.sin(t) for r, t in pairs]


def factors(
    seed: int, modules: Sequence[Shape] = MODULES, rank: int = 4, before: int = 0, gaussian: bool = False
) -> Factors:
    """lora_A and a lora_B of zeros for each (name, in, out), drawn in this order after ``before`` other words."""
    stream = words(seed)
    for _ in range(before):
        next(stream)
    found: Factors = {}
    for name, inputs, outputs in modules:
        for _ in range(rank * (inputs + outputs)):
            next(stream)
        drawn = (
            _normal(stream, rank * inputs, 1 / rank)
            if gaussian
            else uniform_draws(stream, rank * inputs, 1 / math.sqrt(inputs))
        )
        a = numpy.array(drawn, numpy.float32).reshape(rank, inputs)
        found[name] = a, numpy.zeros((outputs, rank), numpy.float32)
    return found


def trained(found: Factors, drift: float, draw: int = 1) -> Factors:
    """The same, with normal noise of ``drift`` times the spread of each lora_A added to both factors."""
    source = numpy.random.default_rng(draw)

    def moved(array: NDArray[numpy.float32], size: float) -> NDArray[numpy.float32]:
        return (array + size * source.standard_normal(array.shape)).astype(numpy.float32)

    return {
        name: (moved(a, drift * float(a.std())), moved(b, drift * float(a.std())))
        for name, (a, b) in found.items()
    }


def adapter(
    found: Factors,
    dtype: str | None = None,
    change: Callable[[str], str] = lambda name: name,
    others: Mapping[str, NDArray[numpy.float32]] | None = None,
    **config: object,
) -> tuple[AdapterWeights, AdapterConfig]:
    """What the readers see of these factors, in a file sorted by name as safetensors sorts."""
    data = adapter_file(found, dtype, change, others)
    rank = next(iter(found.values()))[0].shape[0] if found else 4
    raw = {"peft_type": "LORA", "r": rank, "target_modules": ["q_proj"], "init_lora_weights": True, **config}
    weights = AdapterWeights.parse(blob(data, "adapter_model.safetensors"))
    return weights, AdapterConfig.parse(json_blob(raw, "adapter_config.json"))


def adapter_file(
    found: Factors,
    dtype: str | None = None,
    change: Callable[[str], str] = lambda name: name,
    others: Mapping[str, NDArray[numpy.float32]] | None = None,
) -> bytes:
    """adapter_model.safetensors of these factors; ``dtype`` BF16 cuts the lower half of every number off."""
    named = {change(f"base_model.model.{name}.lora_A.weight"): a for name, (a, _) in found.items()}
    named |= {change(f"base_model.model.{name}.lora_B.weight"): b for name, (_, b) in found.items()}
    named |= dict(others or {})
    tensors = {name: entry(named[name], dtype) for name in sorted(named)}
    return make_safetensors(tensors)
