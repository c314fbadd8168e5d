"""Seeds a second that `recover_seed` tries on one core, beside a plain replay of the same stream.

    python benchmarks/recover_seed.py [SEEDS]

The adapter has rank 16 on the seven linear modules of four blocks of the gemma-3-4b shape (2,560 columns). The
reference draws every word up to the first module's lora_A with NumPy's generator and compares it: 1.0. Both take turns
on one pinned core, process CPU time, warm-up first, best of five. The range holds no seed that fits, so that all of it
is tried twice: with the usual order of modules, then with every module of the first block as the first one. Modules
never trained are bfloat16 here, because the seed of float32 ones is computed and not searched for (last line). Reach:
1,000 seeds a second.
"""

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy  # noqa: E402 - threads are chosen before
from numpy.random import RandomState  # noqa: E402

from auditor.artifacts.adapter_config import AdapterConfig  # noqa: E402
from auditor.artifacts.adapter_weights import AdapterWeights  # noqa: E402
from auditor.compare.initial import prove_seed, recover_seed  # noqa: E402
from auditor.compare.initial._values import bfloat16  # noqa: E402
from auditor.model import Blob  # noqa: E402
from tests.builders.blobs import blob, json_blob  # noqa: E402
from tests.builders.safetensors import make_adapter  # noqa: E402

RANK, SEED, LAYERS, ROUNDS = 16, 1_000_000_007, 4, 5
SHAPES = (
    *(("self_attn.q_proj", 2560, 2048), ("self_attn.k_proj", 2560, 1024), ("self_attn.v_proj", 2560, 1024)),
    *(("self_attn.o_proj", 2048, 2560), ("mlp.gate_proj", 2560, 10240), ("mlp.up_proj", 2560, 10240)),
    ("mlp.down_proj", 10240, 2560),
)


def adapter(drift: float, half: bool = False) -> tuple[AdapterWeights, AdapterConfig]:
    """An adapter drawn with SEED; ``drift`` is the share of the spread that training added; ``half`` rounds to bf16."""
    state, noise = RandomState(SEED), numpy.random.default_rng(1)
    factors = {}
    for layer in range(LAYERS):
        for name, inputs, outputs in SHAPES:
            state.bytes(4 * RANK * (inputs + outputs))
            a = draw(state, RANK * inputs, inputs).reshape(RANK, inputs)
            a = bfloat16(a).astype(numpy.float32) if half else a
            b = numpy.zeros((outputs, RANK), numpy.float32)
            if drift:
                a += numpy.float32(drift) * a.std() * noise.standard_normal(a.shape, numpy.float32)
                b += numpy.float32(1e-3)
            factors[f"model.layers.{layer}.{name}"] = a, b
    raw = {"peft_type": "LORA", "r": RANK, "target_modules": ["q_proj"], "init_lora_weights": True}
    file: Blob = blob(make_adapter(factors), "adapter_model.safetensors")
    return AdapterWeights.parse(file), AdapterConfig.parse(json_blob(raw, "adapter_config.json"))


def draw(state: RandomState, count: int, fan_in: int) -> "numpy.ndarray[Any, numpy.dtype[numpy.float32]]":
    """Uniform float32 within 1/sqrt(fan_in), one word each."""
    bound = float(numpy.float32(1 / math.sqrt(fan_in)))
    words = numpy.frombuffer(state.bytes(4 * count), "<u4")
    return ((words & numpy.uint32(0xFFFFFF)) * (2 * bound / 2**24) - bound).astype(numpy.float32)


def plain(weights: AdapterWeights, seeds: range) -> None:
    """The reference: all words before the first module's values, then its first row."""
    stored = weights.array("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight")[0]
    for seed in seeds:
        state = RandomState(seed)
        state.bytes(4 * RANK * (2560 + 2048))
        if numpy.array_equal(draw(state, 2560, 2560), stored):
            raise SystemExit("the range holds the seed")


def rate(work: Callable[[], object], seeds: int) -> float:
    """Seeds a CPU second."""
    began = time.process_time()
    work()
    return seeds / (time.process_time() - began)


def main() -> None:
    """Measure in turns and print one line each."""
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    whole, few = range(amount), range(min(amount, 2000))
    whole_numbers, fresh, moved = adapter(0.0), adapter(0.0, half=True), adapter(0.3)
    work: dict[str, tuple[Callable[[], object], int]] = {
        "plain replay (reference)": (lambda: plain(fresh[0], few), len(few)),
        "never trained": (lambda: recover_seed(*fresh, seeds=whole), amount),
        "trained": (lambda: recover_seed(*moved, seeds=whole), amount),
    }
    best = dict.fromkeys(work, 0.0)
    for _ in range(ROUNDS + 1):
        for name, (run, count) in work.items():
            best[name] = max(best[name], rate(run, count))
    reference = best["plain replay (reference)"]
    for name, found in best.items():
        print(f"{name:26} {found:10,.0f} seeds/s {found / reference:8.1f}x")
    for name, (weights, config) in {"never trained": fresh, "trained": moved}.items():
        began = time.process_time()
        proof = prove_seed(weights, config, SEED)
        print(f"{name:26} {proof.says}, in {time.process_time() - began:.2f} s")
    began = time.process_time()
    found = recover_seed(*whole_numbers, seeds=range(1))
    print(
        f"{'never trained, float32':26} {found.seed} computed and proved in {time.process_time() - began:.2f} s"
    )


if __name__ == "__main__":
    main()
