"""The seed that drew an adapter and how far it was moved, as an inspection tells them."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.engine.inspect import InspectOptions, inspect
from auditor.model.inspection import DrawnInspection, ReachInspection, RunInspection
from tests.builders import adapter_folders as made
from tests.builders.example_edits import pickled
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy
from tests.checks.training.test_weights_stood_still import put_back
from tests.rerun.variants import committed, with_tensors

PEAK, STEPS = 1e-3, 10


def run_of(files: dict[str, bytes], **options: object) -> RunInspection:
    (run,) = inspect(made.snapshot(files), InspectOptions(**options)).runs  # type: ignore[arg-type]
    return run


def trained(largest: float, **values: object) -> dict[str, bytes]:
    """An adapter whose largest lora_B is given, after ten steps at a constant rate of 1e-3."""
    return longer(largest, 1, STEPS, values)


def longer(largest: float, layers: int, steps: int, values: Mapping[str, object] = {}) -> dict[str, bytes]:
    factors = made.factors(1, made.modules(layers))
    scale = numpy.float32(largest / max(float(numpy.abs(b).max()) for _, b in factors.values()))
    arguments = {"learning_rate": PEAK, "lr_scheduler_type": "constant", "optim": "adamw_torch", **values}
    return {
        **made.folder({name: (a, b * scale) for name, (a, b) in factors.items()}),
        "trainer_state.json": made.state(steps, steps),
        "training_args.bin": make_training_args(arguments),
    }


def reach(files: dict[str, bytes]) -> ReachInspection:
    found = run_of(files).reach
    assert found is not None
    return found


def test_the_seed_of_the_honest_run_is_told() -> None:
    """fixtures/tiny trains with seed 42, set before the model is wrapped."""
    (run,) = inspect(healthy()).runs
    assert run.seed is not None
    assert (run.seed.verdict, run.seed.seed, run.seed.source) == ("consistent", 42, "training_args.bin")
    assert (run.seed.proved, run.seed.tested) == (14, 14)
    assert run.seed.correlation is not None
    assert run.seed.correlation > 0.98
    assert run.seed.odds is not None
    assert run.seed.odds < -9


def test_a_seed_that_is_asked_for_counts_before_the_declared_one() -> None:
    (run,) = inspect(healthy(), InspectOptions(seed=7)).runs
    assert run.seed is not None
    assert (run.seed.verdict, run.seed.seed, run.seed.other, run.seed.source) == (
        "unreached",
        7,
        42,
        "--seed",
    )


def test_a_seed_is_recovered_in_a_range() -> None:
    (run,) = inspect(healthy(), InspectOptions(recover=(30, 60))).runs
    assert run.seed is not None
    assert (run.seed.verdict, run.seed.seed, run.seed.source) == ("consistent", 42, "--recover-seed")


def test_a_range_without_the_seed_says_so_and_tells_its_progress() -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int, what: str) -> None:
        if what == "trying seeds":
            told.append((done, total))

    snapshot = made.snapshot(
        {
            name: blob.read()
            for name, blob in healthy().files.items()
            if name in ("adapter_config.json", "adapter_model.safetensors")
        }
    )
    (run,) = inspect(snapshot, InspectOptions(recover=(43, 20_042), progress=progress)).runs
    assert run.seed is not None
    assert (run.seed.verdict, run.seed.seed) == ("inconclusive", None)
    assert "none of 20,000 seeds" in run.seed.says
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_nothing_is_told_without_numbers_or_without_a_seed() -> None:
    assert run_of(trained(0.01), numbers=False).seed is None
    assert run_of(trained(0.01), numbers=False).reach is None
    assert run_of(made.folder(made.factors(1))).seed is None


def test_the_sum_of_the_rates_and_adams_bound() -> None:
    """Constant rate: the sum is 10 x 1e-3. Adam's bound by brute force: at step t the largest |m̂|/sqrt(v̂) over all
    gradients is sqrt(sum a_i^2/b_i), a and b the normalised weights of gradient i in the two means.
    """
    found = reach(trained(0.009))
    b1, b2 = 0.9, 0.999
    factors = []
    for t in range(1, STEPS + 1):
        a = numpy.array([(1 - b1) * b1 ** (t - i) for i in range(1, t + 1)]) / (1 - b1**t)
        b = numpy.array([(1 - b2) * b2 ** (t - i) for i in range(1, t + 1)]) / (1 - b2**t)
        factors.append(math.sqrt(float((a * a / b).sum())))
    assert found.verdict == "usual"
    assert found.steps == STEPS
    assert found.rates == pytest.approx(STEPS * PEAK)
    assert found.bound == pytest.approx(PEAK * sum(factors))
    assert max(found.modules.values()) == pytest.approx(0.9, rel=1e-6)


def test_a_linear_schedule_sums_to_half() -> None:
    """Without warm-up step k of 10 runs at (10 - k)/10 of the peak: 5.5 peaks in all."""
    found = reach(trained(0.005, lr_scheduler_type="linear", warmup_steps=0))
    assert found.rates == pytest.approx(5.5 * PEAK)


@pytest.mark.parametrize(("largest", "verdict"), [(0.0101, "usual"), (0.0102, "impossible")])
def test_beyond_adams_bound(largest: float, verdict: str) -> None:
    """After ten equal steps the bound of the test above is 1.0165 times their sum of 0.01."""
    assert reach(trained(largest)).verdict == verdict


@pytest.mark.parametrize(
    ("largest", "verdict"), [(1.9, "usual"), (2.1, "unusual"), (4.2, "unusual"), (4.3, "impossible")]
)
def test_an_unusual_reach_lies_between_twice_the_sum_and_the_bound(largest: float, verdict: str) -> None:
    """A thousand steps of 1e-3 sum to 1; Adam's bound over them is 4.23, by the arithmetic above."""
    files = {**trained(largest), "trainer_state.json": json.dumps({"global_step": 1000}).encode()}
    found = reach(files)
    assert found.verdict == verdict
    assert ("another basis" in found.says) == (verdict != "usual")


@pytest.mark.parametrize(
    ("largest", "layers", "steps", "says"),
    [
        (0.0, 1, 10, ": no lora_B moved, as if the adapter had never been trained"),
        # Half of 1e-3 times the root of 100 steps; 30 layers have 4,320 numbers in lora_B, one has 144.
        (0.0049, 30, 100, ", and noise alone would reach 0.005"),
        (0.0051, 30, 100, None),
        (0.0049, 1, 100, None),
        (0.0001, 30, 9, None),
    ],
)
def test_a_reach_that_is_too_short(largest: float, layers: int, steps: int, says: str | None) -> None:
    found = reach(longer(largest, layers, steps))
    assert found.verdict == ("usual" if says is None else "unusual")
    assert found.says.endswith(")" if says is None else says)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"optim": "adamw_bnb_8bit"}, "not known to be Adam"),
        ({"learning_rate": None}, "no file says both the learning rate"),
        ({"learning_rate": float("inf")}, "no file says both the learning rate"),
    ],
)
def test_what_cannot_be_known_says_why(values: dict[str, object], says: str) -> None:
    found = reach(trained(0.01, **values))
    assert found.verdict == "not known"
    assert says in found.says


def drawn_of(weights: bytes, **more: bytes) -> DrawnInspection:
    """What is said of lora_A of fixtures/tiny, published without its checkpoints."""
    data = {"adapter_model.safetensors": weights, **more}
    (run,) = inspect(healthy(without=("checkpoint-9/", "checkpoint-18/"), data=data)).runs
    assert run.reach is not None
    assert run.reach.drawn is not None
    return run.reach.drawn


def test_lora_a_is_held_against_the_numbers_that_the_seed_drew() -> None:
    """The bound is derived in test_weights_outrun_first_numbers, as is how near the honest run lies."""
    found = drawn_of(committed()["adapter_model.safetensors"])
    assert found.verdict == "usual"
    assert len(found.modules) == 14
    assert 0.014 < max(found.modules.values()) < 0.016
    assert 0.0185694 < found.bound < 0.0195
    assert found.says == (
        f"lora_A lies at most {max(found.modules.values()):.3g} from the numbers that seed 42 drew, of "
        f"{found.bound:.3g} that the steps allow"
    )


@pytest.mark.parametrize(
    ("times", "shift", "verdict"),
    [(1.0, 0.04, "impossible"), (1.4, 0.0, "unusual")],
    ids=["shifted", "scaled"],
)
def test_a_lora_a_beyond_what_the_steps_allow(times: float, shift: float, verdict: str) -> None:
    def edit(name: str, a: NDArray[Any]) -> NDArray[Any]:
        return (a * times + shift).astype("f4") if "1.mlp.up_proj" in name and "lora_A" in name else a

    found = drawn_of(with_tensors(committed()["adapter_model.safetensors"], edit))
    assert found.verdict == verdict
    assert max(found.modules, key=lambda name: found.modules[name]).endswith("1.mlp.up_proj")
    basis = "another basis of the same update would explain it"
    assert (basis in found.says) == (verdict == "unusual")


def test_attempts_that_nobody_counted_leave_it_open() -> None:
    def edit(name: str, a: NDArray[Any]) -> NDArray[Any]:
        return (a + 0.04).astype("f4") if "lora_A" in name else a

    retried = pickled(committed()["training_args.bin"], "auto_find_batch_size", value=True)
    files = {"training_args.bin": retried}
    found = drawn_of(with_tensors(committed()["adapter_model.safetensors"], edit), **files)
    assert (found.verdict, "auto_find_batch_size" in found.says) == ("not known", True)


def test_a_lora_a_that_rests_beside_a_lora_b_that_moved_is_said() -> None:
    found = drawn_of(put_back("1.mlp.up_proj"))
    assert found.says.endswith("; 1 of the 14 whose lora_B moved did not move at all")


@pytest.mark.parametrize(("where", "count"), [("1.mlp.up_proj", 1), ("mlp", 6), ("", 0)])
def test_a_lora_a_that_rests_makes_a_half_trained_module(where: str, count: int) -> None:
    """Where every lora_A rests it was frozen."""
    (run,) = inspect(healthy(data={"adapter_model.safetensors": put_back(where)})).runs
    assert run.adapter is not None
    named = {module.module: module.conditions for module in run.adapter.modules if module.conditions}
    assert len(named) == count
    says = "lora_A holds the numbers that seed 42 drew, to the last bit, although lora_B moved"
    assert {(item.word, item.says) for items in named.values() for item in items} <= {("half-trained", says)}
    assert all(where in module for module in named)


def test_after_few_steps_lora_a_may_rest() -> None:
    """lora_B is zero before the first step, and before the second one where the rate began at zero."""
    short = {"trainer_state.json": {"/global_step": 9}}
    data = {"adapter_model.safetensors": put_back("1.mlp.up_proj")}
    (run,) = inspect(healthy(data=data, json_edits=short)).runs
    assert run.adapter is not None
    assert not any(module.conditions for module in run.adapter.modules)


def test_what_is_declared_counts_where_no_training_arguments_were_saved() -> None:
    """The declared rate of fixtures/tiny, by its recipe alone: 18 steps of 0.002 without a known schedule."""
    gone = ("checkpoint-9/", "checkpoint-18/", "training_args.bin", "runs/")
    (run,) = inspect(healthy(without=gone)).runs
    assert run.reach is not None
    assert run.reach.steps == 18
    assert run.reach.rates == pytest.approx(18 * 0.002)


def test_a_rate_of_its_own_that_is_declared_is_no_reach() -> None:
    declared = {"cheetah-fine-tuning-config.json": {"/loraplus_lr_ratio": 16}}
    (run,) = inspect(healthy(json_edits=declared)).runs
    assert run.reach is not None
    assert (run.reach.verdict, "loraplus_lr_ratio" in run.reach.says) == ("not known", True)
    assert run.reach.drawn is not None
    assert run.reach.drawn.verdict == "usual"


def test_an_absurd_number_of_steps_is_not_followed() -> None:
    files = trained(0.01)
    state = json.loads(files["trainer_state.json"])
    files["trainer_state.json"] = json.dumps({**state, "global_step": 10**15}).encode()
    assert "too many to follow" in reach(files).says
