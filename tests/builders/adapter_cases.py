"""One small trained adapter and what happens to adapters: rewritten, nudged, turned, retrained, damaged, cut.

Four layers of seven modules, r 16, float32: the shapes of a small Llama. Each case is a second repository beside the
first, as {path: bytes}.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy
from numpy.typing import NDArray

from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import make_arrays

Arrays = dict[str, NDArray[Any]]
Files = dict[str, bytes]
P = "base_model.model.model.layers."
RANK, LAYERS = 16, 4
SHAPES = {
    "self_attn.q_proj": (32, 32),
    "self_attn.k_proj": (24, 32),
    "self_attn.v_proj": (24, 32),
    "self_attn.o_proj": (32, 32),
    "mlp.gate_proj": (48, 32),
    "mlp.up_proj": (48, 32),
    "mlp.down_proj": (32, 48),
}
"""(out, in) by module."""
TARGETS = [name.split(".")[1] for name in SHAPES]
MODULES = tuple(f"model.layers.{layer}.{name}" for layer in range(LAYERS) for name in SHAPES)
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def trained(seed: int) -> Arrays:
    """A starts as PEFT starts it, B is as small as after some hundred steps."""
    generator = numpy.random.default_rng(seed)
    found: Arrays = {}
    for module in MODULES:
        out, into = SHAPES[module.split(".", 3)[3]]
        name = f"base_model.model.{module}"
        found[f"{name}.lora_A.weight"] = generator.uniform(-1, 1, (RANK, into)).astype("f4") / into**0.5
        found[f"{name}.lora_B.weight"] = (0.01 * generator.standard_normal((out, RANK))).astype("f4")
    return {name: array.astype("f4") for name, array in found.items()}


def config(**values: object) -> bytes:
    raw = {
        "peft_type": "LORA",
        "base_model_name_or_path": "example/small-llama",
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": TARGETS,
        "task_type": "CAUSAL_LM",
    }
    return json.dumps({**raw, **values}, indent=2).encode()


def files(arrays: Mapping[str, NDArray[Any]], **values: object) -> Files:
    return {CONFIG: config(**values), WEIGHTS: make_arrays(arrays)}


def base() -> Files:
    return files(trained(1))


def same() -> Files:
    """Rewritten as PyTorch's file, in another order: every number the same."""
    arrays = dict(reversed(trained(1).items()))
    tensors = {name: Tensor(array.reshape(-1).tolist(), array.shape) for name, array in arrays.items()}
    return {CONFIG: config(), "adapter_model.bin": make_torch(tensors)}


def eps() -> Files:
    """Every number times 1 + 1e-6 N."""
    noise = numpy.random.default_rng(7)
    arrays = trained(1)
    return files(
        {n: (a * (1 + 1e-6 * noise.standard_normal(a.shape))).astype("f4") for n, a in arrays.items()}
    )


def rot() -> Files:
    """A -> M^-1 A, B -> B M in float64, stored in float32: the same update, no number the same."""
    generator, arrays = numpy.random.default_rng(8), trained(1)
    for module in MODULES:
        matrix = generator.standard_normal((RANK, RANK)) + 4 * numpy.eye(RANK)
        a, b = (f"base_model.model.{module}.lora_{word}.weight" for word in "AB")
        arrays[a] = numpy.linalg.solve(matrix, arrays[a].astype("f8")).astype("f4")
        arrays[b] = (arrays[b].astype("f8") @ matrix).astype("f4")
    return files(arrays)


def other() -> Files:
    """Another training: seed and alpha."""
    return files(trained(2), lora_alpha=RANK)


def order() -> Files:
    """PEFT writes target_modules from a set: only their order changes."""
    return files(trained(1), target_modules=sorted(TARGETS))


def nan() -> Files:
    arrays = trained(1)
    arrays[f"{P}2.mlp.up_proj.lora_B.weight"][5, 3] = numpy.nan
    return files(arrays)


def zero_b() -> Files:
    """Never trained: PEFT starts B at zero."""
    return files({name: 0 * a if "lora_B" in name else a for name, a in trained(1).items()})


def half() -> Files:
    return files({name: array.astype("f2") for name, array in trained(1).items()})


def r8() -> Files:
    """Eight of the sixteen rows and columns stored, sixteen declared."""
    return files({name: a[:8] if "lora_A" in name else a[:, :8] for name, a in trained(1).items()})


def missing() -> Files:
    """The last layer is gone, and k_proj everywhere."""
    gone = (f"{P}3.", ".k_proj.")
    return files({name: a for name, a in trained(1).items() if not any(part in name for part in gone)})


CASES: Mapping[str, Callable[[], Files]] = {
    "same": same,
    "eps": eps,
    "rot": rot,
    "other": other,
    "order": order,
    "nan": nan,
    "zeroB": zero_b,
    "half": half,
    "r8": r8,
    "missing": missing,
}
