"""The verdict on edited copies of the tiny fixture. The rerun is the fixture itself, so every honest file is bit-equal.

The variation scales lora_B by 1 + 2e-5 and the moments by 1 + 1e-5, so the floors are 2e-5 and 1e-5 and noise ends
at three times that: 6e-5 for weights, 3e-5 for moments.
"""

import json
import math
import struct
from dataclasses import replace
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts.rng_state import RngState
from auditor.claims import Ledger
from auditor.model import Aspect, Evidence, RerunResult, Span, Status, Verdict, VersionRange
from auditor.rerun.judging.barely_beyond import barely_beyond
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.judging.summary import Judged, begins_alike
from auditor.rerun.judging.verdict import judge
from auditor.rerun.outputs import Outputs, Part
from auditor.runs import read
from tests.rerun import variants as v

MODULE = "model.language_model.layers.1.mlp.down_proj"


def verdict_on(
    files: v.Files, made: Outputs | None = None, ledger: Ledger | None = None, steps: int | None = None
) -> RerunResult:
    plan = v.plan_of_fixture(steps)
    return judge(v.run_of(files), ledger or Ledger(".", {}), plan, made or v.outputs())


def aspect(result: RerunResult, name: str, at: str | None) -> Aspect:
    return next(item for item in result.aspects if item.aspect == name and item.at == at)


def diverged(result: RerunResult) -> set[tuple[str, str | None]]:
    return {(item.aspect, item.at) for item in result.aspects if item.verdict is Verdict.DIVERGED}


def derived(name: str, versions: VersionRange) -> Ledger:
    return Ledger(".", {}).with_evidence((Evidence(f"{name}_version", Status.VERIFIED, "", value=versions),))


def test_the_same_bits_are_identical() -> None:
    result = verdict_on(v.committed())
    assert result.verdict is Verdict.IDENTICAL
    assert {item.verdict for item in result.aspects} == {Verdict.IDENTICAL, Verdict.INCONCLUSIVE}
    undecided = [item.aspect for item in result.aspects if item.verdict is Verdict.INCONCLUSIVE]
    assert undecided == ["init", "data order", "tokens"]
    assert result.floor == pytest.approx(2e-5, rel=0.01)
    assert result.repeats == ("the same settings: bit-equal", "another instruction set: 2e-05 away")
    assert result.first_divergence is None
    assert result.why == "The recipe makes what was committed, bit for bit, over the whole run."


def test_every_committed_file_is_its_own_aspect() -> None:
    found = {(item.aspect, item.at) for item in verdict_on(v.committed()).aspects}
    assert {at for name, at in found if name == "weights"} == set(v.WEIGHTS)
    assert {at for name, at in found if name == "optimizer"} == set(v.OPTIMIZERS)
    assert {at for name, at in found if name == "curve"} == {*v.STATES, v.event_path()}
    assert {at for name, at in found if name == "state"} == set(v.STATES)


@pytest.mark.parametrize("config", [None, b'{"r": 64, "r": 8}'])
def test_a_published_adapter_that_was_not_compared_is_named(config: bytes | None) -> None:
    """Noise under the published name, and a configuration that hides it: the checkpoints alone prove nothing of it."""
    draw = numpy.random.default_rng(1)
    files = v.committed()
    root = v.WEIGHTS[0]
    files[root] = v.with_tensors(files[root], lambda _, array: draw.normal(size=array.shape).astype("f4"))
    files = {path: data for path, data in files.items() if path != "adapter_config.json"}
    if config is not None:
        files["adapter_config.json"] = config
    result = verdict_on(files)
    assert aspect(result, "weights", root).verdict is Verdict.INCONCLUSIVE
    assert result.why == (
        "The recipe makes what could be compared, bit for bit, over the whole run; not compared: "
        "adapter_model.safetensors."
    )


def noisy(files: v.Files, share: float) -> v.Files:
    """Weights and moments off by a share each, as another processor leaves them."""
    files = v.scaled(files, share)
    return {**files, **{path: v.moments(files[path], share / 2) for path in v.OPTIMIZERS}}


def test_inside_three_floors_is_equivalent() -> None:
    result = verdict_on(noisy(v.committed(), 5e-5))
    assert result.verdict is Verdict.EQUIVALENT
    weights = aspect(result, "weights", "adapter_model.safetensors")
    assert weights.verdict is Verdict.EQUIVALENT
    assert weights.distance == pytest.approx(5e-5, rel=0.01)
    assert weights.floor == pytest.approx(2e-5, rel=0.01)
    assert weights.why.endswith("inside the noise of 6e-05 (3 x the floor of 2e-05)")
    assert aspect(result, "optimizer", "checkpoint-9/optimizer.pt").verdict is Verdict.EQUIVALENT
    assert (
        result.why
        == "The recipe makes what was committed, up to the noise of the arithmetic, over the whole run."
    )


def test_outside_three_floors_is_diverged() -> None:
    result = verdict_on(noisy(v.committed(), 7e-5))
    assert result.verdict is Verdict.DIVERGED
    assert {("weights", path) for path in v.WEIGHTS} <= diverged(result)
    assert "noise explains 6e-05" in aspect(result, "weights", "adapter_model.safetensors").why


def test_weights_that_moved_while_the_moments_are_bit_equal_are_no_noise() -> None:
    result = verdict_on(v.scaled(v.committed(), 5e-5, ("checkpoint-9/adapter_model.safetensors",)))
    assert diverged(result) == {("weights", "checkpoint-9/adapter_model.safetensors")}
    why = aspect(result, "weights", "checkpoint-9/adapter_model.safetensors").why
    assert why.endswith("yet the state after step 18 agrees bit for bit, so rounding does not explain it")


def test_one_layer_zeroed_names_module_and_tensor() -> None:
    def zero(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return array * 0 if f"{MODULE}.lora_B" in name else array

    files = v.committed()
    files["adapter_model.safetensors"] = v.with_tensors(files["adapter_model.safetensors"], zero)
    result = verdict_on(files)
    both = {(kind, "adapter_model.safetensors") for kind in ("weights", "parameters")}
    assert diverged(result) == both
    assert aspect(result, "parameters", "adapter_model.safetensors").why.endswith(
        f"{MODULE} was never updated"
    )
    assert result.first_divergence is not None
    assert result.first_divergence.step == 18
    assert result.first_divergence.module == MODULE
    assert result.first_divergence.tensor == f"base_model.model.{MODULE}.lora_B.weight"
    assert result.why.startswith("The recipe does not make adapter_model.safetensors.")


def test_a_hole_in_a_tensor_is_diverged() -> None:
    def hole(name: str, array: NDArray[Any]) -> NDArray[Any]:
        if f"{MODULE}.lora_A" in name:
            array[0, 0] = numpy.nan
        return array

    files = v.committed()
    files["adapter_model.safetensors"] = v.with_tensors(files["adapter_model.safetensors"], hole)
    result = verdict_on(files)
    assert diverged(result) == {("weights", "adapter_model.safetensors")}
    says = f"base_model.model.{MODULE}.lora_A.weight holds NaN or infinity, the rerun's does not"
    assert aspect(result, "weights", "adapter_model.safetensors").why == says
    assert verdict_on(files, v.outputs(files)).verdict is Verdict.IDENTICAL  # a run that diverged honestly


def test_another_rank_is_diverged_by_shape() -> None:
    files = v.committed()
    half = lambda name, array: array[:4] if "lora_A" in name else array[:, :4]  # noqa: E731
    files["adapter_model.safetensors"] = v.with_tensors(files["adapter_model.safetensors"], half)
    item = aspect(verdict_on(files), "weights", "adapter_model.safetensors")
    assert item.verdict is Verdict.DIVERGED
    assert "has shape [4, " in item.why
    assert "the recipe makes [8, " in item.why


def test_another_alpha_scales_the_same_tensors() -> None:
    files = v.with_json(v.committed(), "checkpoint-9/adapter_config.json", lambda d: d.update(lora_alpha=32))
    result = verdict_on(files)
    assert diverged(result) == {("weights", "checkpoint-9/adapter_model.safetensors")}
    why = aspect(result, "weights", "checkpoint-9/adapter_model.safetensors").why
    assert why.startswith("checkpoint-9/adapter_config.json scales ")
    assert " by 4, the recipe by 2; " in why  # alpha / r: 32 / 8 and 16 / 8
    assert "it is the rerun's times 2" in why


def test_an_adapter_stored_in_bfloat16_is_equivalent() -> None:
    files = v.committed()
    files["adapter_model.safetensors"] = v.with_tensors(
        files["adapter_model.safetensors"], eight_bits, "BF16"
    )
    item = aspect(verdict_on(files), "weights", "adapter_model.safetensors")
    assert item.verdict is Verdict.EQUIVALENT
    assert item.why == "all 28 tensors are bit-equal once rounded to BF16"

    moved = v.scaled(v.committed(), 1e-2)["adapter_model.safetensors"]
    files["adapter_model.safetensors"] = v.with_tensors(moved, eight_bits, "BF16")
    assert diverged(verdict_on(files)) == {("weights", "adapter_model.safetensors")}


def eight_bits(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Nearest number of 8 significant bits, half to even: what bfloat16 keeps."""
    mantissa, exponent = numpy.frexp(array.astype("f8"))
    return numpy.asarray(numpy.ldexp(numpy.round(mantissa * 256) / 256, exponent), dtype="f4")


def test_noise_in_an_adapter_stored_in_bfloat16_is_noise() -> None:
    files = noisy(v.committed(), 5e-5)
    files["adapter_model.safetensors"] = v.with_tensors(
        files["adapter_model.safetensors"], eight_bits, "BF16"
    )
    item = aspect(verdict_on(files), "weights", "adapter_model.safetensors")
    assert item.verdict is Verdict.EQUIVALENT
    assert "inside the noise of 0.0078" in item.why  # 2 ** -7: both factors rounded by half a spacing


def test_one_factor_of_short_numbers_excuses_only_what_it_can_move() -> None:
    """A module that never trained on a base in bfloat16 holds such a lora_A, and so may a forger's."""

    def short(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return eight_bits(name, array) if f"{MODULE}.lora_A" in name else array

    files = noisy(v.committed(), 5e-3)
    files |= {path: v.with_tensors(files[path], short) for path in v.WEIGHTS}
    assert {("weights", path) for path in v.WEIGHTS} <= diverged(verdict_on(files))


def test_the_optimizer_of_another_run_is_named() -> None:
    files = v.committed()
    files["checkpoint-9/optimizer.pt"] = v.moments(files["checkpoint-9/optimizer.pt"], 1.0)
    result = verdict_on(files)
    assert diverged(result) == {("optimizer", "checkpoint-9/optimizer.pt")}
    assert aspect(result, "optimizer", "checkpoint-9/optimizer.pt").distance == pytest.approx(
        0.5
    )  # |2m - m| / |2m|


def test_states_of_another_moment_are_named_file_by_file() -> None:
    files = v.committed()
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        files[f"checkpoint-9/{name}"] = files[f"checkpoint-18/{name}"]
    result = verdict_on(files)
    assert diverged(result) == {
        ("optimizer", "checkpoint-9/optimizer.pt"),
        ("scheduler", "checkpoint-9/scheduler.pt"),
        ("rng", "checkpoint-9/rng_state.pth"),
    }
    why = {item.aspect: item.why for item in result.aspects if item.verdict is Verdict.DIVERGED}
    assert why["optimizer"] == "parameter 0 was updated 18 times, the rerun's 9 times"
    assert why["scheduler"] == "last_epoch is 18, the rerun's 9"
    # Nine steps of 128 ids lie between the two.
    assert why["rng"] == (
        "torch's generator is in another state (other draws): as many draws more as dropout takes for +1,152 ids"
    )
    assert result.first_divergence is not None
    assert result.first_divergence.step == 9


def test_a_generator_of_another_seed_is_named_by_it() -> None:
    def reseed(name: str, content: bytes) -> bytes:
        seeded = "/data/" in name and len(content) == 5056
        return struct.pack("<Q", 43) + content[8:] if seeded else content

    files = v.committed()
    files["checkpoint-9/rng_state.pth"] = v.with_entries(files["checkpoint-9/rng_state.pth"], reseed)
    result = verdict_on(files)
    assert diverged(result) == {("rng", "checkpoint-9/rng_state.pth")}
    why = aspect(result, "rng", "checkpoint-9/rng_state.pth").why
    assert why == "torch's generator is in another state (seed 43 for 42)"


def test_counters_of_another_run_are_named() -> None:
    files = v.with_json(
        v.committed(), "checkpoint-9/trainer_state.json", lambda d: d.update(train_batch_size=2)
    )
    result = verdict_on(files)
    assert diverged(result) == {("state", "checkpoint-9/trainer_state.json")}
    assert (
        aspect(result, "state", "checkpoint-9/trainer_state.json").why
        == "train_batch_size is 2, the rerun's 1"
    )


def test_edited_flops_are_named() -> None:
    files = v.with_json(v.committed(), "trainer_state.json", lambda d: d.update(total_flos=2e9))
    result = verdict_on(files, ledger=derived("transformers", VersionRange("5.23.0", "5.23.0")))
    assert diverged(result) == {("flops", "trainer_state.json")}
    why = aspect(result, "flops", "trainer_state.json").why
    assert why == "total_flos is 2,000,000,000, the rerun's 1,662,861,312"


@pytest.mark.parametrize("known", [None, VersionRange("4.50.0", None)])
def test_flops_of_a_release_that_is_not_known_accuse_nobody(known: VersionRange | None) -> None:
    files = v.with_json(v.committed(), "trainer_state.json", lambda d: d.update(total_flos=2e9))
    result = verdict_on(files, ledger=derived("transformers", known) if known else None)
    assert diverged(result) == set()
    item = aspect(result, "flops", "trainer_state.json")
    assert item.verdict is Verdict.INCONCLUSIVE
    assert item.why.endswith("releases count parameters differently")


def test_an_edited_log_names_file_and_step() -> None:
    def lower(row: dict[str, Any]) -> None:
        if row.get("step", 0) >= 7 and "loss" in row:
            row["loss"] *= 0.9

    result = verdict_on(v.with_log(v.committed(), ("trainer_state.json",), lower))
    assert diverged(result) == {("curve", "trainer_state.json")}
    assert aspect(result, "curve", "trainer_state.json").distance == pytest.approx(0.1)
    assert result.first_divergence is not None
    assert result.first_divergence.step == 7
    assert result.first_divergence.says == "loss first differs at step 7"


def test_a_log_edited_by_less_than_noise_is_still_no_noise() -> None:
    def nudge(row: dict[str, Any]) -> None:
        if row.get("step") == 7:
            row["loss"] += 3e-5

    result = verdict_on(v.with_log(v.committed(), ("trainer_state.json",), nudge))
    assert diverged(result) == {("curve", "trainer_state.json")}


def test_another_learning_rate_is_no_noise_either() -> None:
    def faster(row: dict[str, Any]) -> None:
        if "learning_rate" in row:
            row["learning_rate"] *= 1.001

    result = verdict_on(v.with_log(noisy(v.committed(), 5e-5), v.STATES, faster))
    assert diverged(result) == {("curve", path) for path in v.STATES}
    assert result.first_divergence is not None
    assert result.first_divergence.step == 2  # the rate of step 1 is 0 in warm-up


def test_a_log_rounded_to_four_decimals_is_identical() -> None:
    def rounded(row: dict[str, Any]) -> None:
        if "loss" in row:
            row["loss"] = round(row["loss"], 4)

    result = verdict_on(v.with_log(v.committed(), v.STATES, rounded))
    assert result.verdict is Verdict.IDENTICAL


def summed(row: dict[str, Any]) -> None:
    if "loss" in row:
        row["loss"] *= 2  # the fixture accumulates 2 micro-batches


def test_a_loss_logged_as_a_sum_by_another_release_is_equivalent() -> None:
    result = verdict_on(v.with_log(v.committed(), ("trainer_state.json",), summed))
    assert diverged(result) == set()
    item = aspect(result, "curve", "trainer_state.json")
    assert item.verdict is Verdict.EQUIVALENT
    assert item.why.startswith("the loss is 2 times the rerun's at every step, the sum over 2 micro-batches")


def test_the_same_release_has_no_other_way_of_logging() -> None:
    ledger = derived("transformers", VersionRange("5.23.0", "5.23.0"))
    result = verdict_on(v.with_log(v.committed(), ("trainer_state.json",), summed), ledger=ledger)
    assert diverged(result) == {("curve", "trainer_state.json")}


def test_a_learning_rate_logged_one_step_later_is_equivalent() -> None:
    state = json.loads(v.committed()["trainer_state.json"])
    rates = {row["step"]: row["learning_rate"] for row in state["log_history"] if "learning_rate" in row}

    def later(row: dict[str, Any]) -> None:
        if "learning_rate" in row:
            row["learning_rate"] = rates.get(row["step"] + 1, 0.0)

    item = aspect(verdict_on(v.with_log(v.committed(), v.STATES, later)), "curve", "trainer_state.json")
    assert item.verdict is Verdict.EQUIVALENT
    assert "as 4.x releases log it" in item.why


def test_nan_is_equal_to_nan_and_to_nothing_else() -> None:
    def burst(row: dict[str, Any]) -> None:
        if row.get("step") == 9:
            row["loss"] = math.nan

    files = v.with_log(v.committed(), v.STATES, burst)
    assert verdict_on(v.without(files, v.event_path()), v.outputs(files)).verdict is Verdict.IDENTICAL
    result = verdict_on(files)
    assert diverged(result) == {("curve", path) for path in v.STATES}
    assert result.first_divergence is not None
    assert result.first_divergence.step == 9


@pytest.mark.parametrize(
    ("name", "versions"),
    [("transformers", VersionRange("4.50.0", "4.51.3")), ("peft", VersionRange(None, "0.13.2"))],
)
def test_a_run_of_another_release_is_not_accused(name: str, versions: VersionRange) -> None:
    files = v.without(noisy(v.committed(), 0.5), v.event_path())
    result = verdict_on(files, ledger=derived(name, versions))
    for kind, at in (("weights", "adapter_model.safetensors"), ("optimizer", "checkpoint-9/optimizer.pt")):
        item = aspect(result, kind, at)
        assert item.verdict is Verdict.INCONCLUSIVE
        assert f"made by {name} {versions} and this rerun by" in item.why


def test_a_run_of_a_gpu_is_not_accused_by_a_cpu() -> None:
    # The bytes of a GPU's generator (seed 42, offset 0) are put into the parsed state.
    files = noisy(v.committed(), 0.5)
    run = v.run_of(files)
    folder = run.checkpoints[0]
    states = tuple(replace(state, cuda=(b"\x2a" + bytes(15),)) for state in folder.all(RngState))
    checkpoint = replace(folder, artifacts={**folder.artifacts, RngState: states})
    run = replace(run, checkpoints=(checkpoint, *run.checkpoints[1:]))
    result = judge(run, Ledger(".", {}), v.plan_of_fixture(), v.outputs())
    weights = aspect(result, "weights", "adapter_model.safetensors")
    assert weights.verdict is Verdict.INCONCLUSIVE
    assert "trained on a GPU" in weights.why


def test_without_a_variation_only_bits_and_structure_speak() -> None:
    made = replace(v.outputs(), variations=())
    result = verdict_on(noisy(v.committed(), 5e-5), made)
    assert aspect(result, "weights", "adapter_model.safetensors").verdict is Verdict.INCONCLUSIVE
    assert diverged(result) == set()
    files = v.with_json(noisy(v.committed(), 5e-5), "trainer_state.json", lambda d: d.update(max_steps=20))
    assert diverged(verdict_on(files, made)) == {("state", "trainer_state.json")}
    assert "No variation was trained, so the noise of another machine is not known." in result.does_not_prove


def test_a_variation_that_moves_no_bit_measures_nothing() -> None:
    made = v.outputs(variation=v.output(v.committed(), "variation", "nothing"))
    result = verdict_on(noisy(v.committed(), 5e-5), made)
    assert aspect(result, "weights", "adapter_model.safetensors").verdict is Verdict.INCONCLUSIVE
    assert (
        "The variation moved no bit, so the noise of another machine is not known." in result.does_not_prove
    )


def test_a_floor_that_hides_recipes_decides_nothing() -> None:
    made = v.outputs(variation=v.output(noisy(v.committed(), 0.08), "variation", "half the bits"))
    result = verdict_on(noisy(v.committed(), 0.1), made)
    weights = aspect(result, "weights", "adapter_model.safetensors")
    assert weights.verdict is Verdict.INCONCLUSIVE
    assert "is too high to tell noise from another recipe" in weights.why
    # What else agrees, the curves bit for bit, is no answer to whether the recipe makes these weights.
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why.startswith(
        "Whether the recipe makes the weights stays open: the effective update is 0."
    )


@pytest.mark.parametrize(("floor", "expected"), [(0.045, Verdict.EQUIVALENT), (0.055, Verdict.INCONCLUSIVE)])
def test_a_floor_of_moments_is_too_high_from_a_twentieth_on(floor: float, expected: Verdict) -> None:
    """Moments x (1 + s) are s / (1 + s) away."""
    share, files, variation = floor / (1 - floor), v.committed(), v.scaled(v.committed(), 1e-5)
    for path in v.OPTIMIZERS:
        files[path], variation[path] = v.moments(files[path], 0.01), v.moments(variation[path], share)
    made = v.outputs(variation=v.output(variation, "variation", "another kernel"))
    result = verdict_on(v.scaled(files, 1e-6), made)
    assert {item.verdict for item in result.aspects if item.aspect == "optimizer"} == {expected}


def idle(files: v.Files, seed: int | None = None) -> v.Files:
    """The files with one module that training never touched; its lora_A drawn anew when a seed is given."""

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        if f"{MODULE}.lora_B" in name:
            return array * 0
        if f"{MODULE}.lora_A" in name and seed is not None:
            return numpy.random.default_rng(seed).normal(size=array.shape).astype("f4")
        return array

    return {**files, **{path: v.with_tensors(files[path], edit) for path in v.WEIGHTS}}


@pytest.mark.parametrize(("seed", "expected"), [(1, Verdict.IDENTICAL), (2, Verdict.DIVERGED)])
def test_modules_never_updated_keep_the_initial_values(seed: int, expected: Verdict) -> None:
    made = idle(v.committed(), 1)
    start = {f"init/{name}": made[name] for name in ("adapter_model.safetensors", "adapter_config.json")}
    result = verdict_on(idle(v.committed(), seed), v.outputs({**made, **start}))
    init = aspect(result, "init", "adapter_model.safetensors")
    assert init.verdict is expected
    count = 1 if expected is Verdict.IDENTICAL else 0
    assert init.why == f"{count} of 1 untouched lora_A are bit-equal to those drawn from the declared seed"


def turned(files: v.Files, dtype: str, *, zero: bool = False) -> v.Files:
    """The published adapter in another basis of its rank, Q A and B Q^T, or with zero for the idle module's A."""
    q, _ = numpy.linalg.qr(numpy.random.default_rng(3).normal(size=(8, 8)))

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        made = q @ array if "lora_A" in name else array @ q.T
        found: NDArray[Any] = (made * 0 if zero and f"{MODULE}.lora_A" in name else made).astype(dtype)
        return found

    path = "adapter_model.safetensors"
    return {**files, path: v.with_tensors(files[path], edit)}


@pytest.mark.parametrize(("seed", "expected"), [(1, Verdict.EQUIVALENT), (2, Verdict.DIVERGED)])
@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_initial_values_in_another_basis_still_tell_the_seed(
    seed: int, expected: Verdict, dtype: str
) -> None:
    """Eight of a hundred and more dimensions: another seed's rows leave the space that these span."""
    made = idle(v.committed(), 1)
    start = {f"init/{name}": made[name] for name in ("adapter_model.safetensors", "adapter_config.json")}
    result = verdict_on(turned(idle(v.committed(), seed), dtype), v.outputs({**made, **start}))
    assert aspect(result, "init", "adapter_model.safetensors").verdict is expected


def test_initial_values_that_a_rewrite_made_zero_tell_nothing() -> None:
    made = idle(v.committed(), 1)
    start = {f"init/{name}": made[name] for name in ("adapter_model.safetensors", "adapter_config.json")}
    result = verdict_on(turned(made, "f4", zero=True), v.outputs({**made, **start}))
    init = aspect(result, "init", "adapter_model.safetensors")
    assert init.verdict is Verdict.INCONCLUSIVE
    assert init.why.endswith(", and the others would fit any seed")


def test_a_prefix_leaves_the_end_open() -> None:
    files = v.committed()
    files["adapter_model.safetensors"] = v.scaled(files, 1.0)["adapter_model.safetensors"]
    made = v.outputs(
        {path: data for path, data in v.committed().items() if not path.startswith("checkpoint-18")}
    )
    result = verdict_on(files, made, steps=9)
    assert result.plan.span == "prefix"
    assert result.verdict is Verdict.IDENTICAL
    assert {item.at for item in result.aspects if item.aspect == "weights"} == {v.WEIGHTS[1]}
    assert "Steps 10 to 18 were not trained again." in result.does_not_prove
    assert result.why == "The recipe makes what was committed, bit for bit, over the first 9 of 18 steps."


def test_a_checkpoint_that_the_rerun_lacks_is_not_judged() -> None:
    made = v.outputs(
        {path: data for path, data in v.committed().items() if not path.startswith("checkpoint-9")}
    )
    result = verdict_on(v.committed(), made)
    item = aspect(result, "optimizer", "checkpoint-9/optimizer.pt")
    assert item.verdict is Verdict.INCONCLUSIVE
    assert item.why == "the rerun left no optimizer state at this step"
    assert result.verdict is Verdict.IDENTICAL


def test_files_that_were_not_fetched_are_said_to_be() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 123456\n"
    files = {**v.committed(), "checkpoint-9/optimizer.pt": pointer}
    item = aspect(verdict_on(files), "optimizer", "checkpoint-9/optimizer.pt")
    assert item.verdict is Verdict.INCONCLUSIVE
    assert item.why.startswith("checkpoint-9/optimizer.pt was not read: its content (123,456 bytes)")


def test_nothing_comparable_is_inconclusive() -> None:
    names = {path.split("/")[-1] for path in v.committed()} - {
        "adapter_config.json",
        v.event_path().split("/")[-1],
    }
    result = verdict_on(v.without(v.without(v.committed(), *names), v.event_path()))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why == "nothing that a rerun makes was committed inside the span"


def test_agreement_without_weights_says_so() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"b" * 64 + b"\nsize 123456\n"
    files = {**v.committed(), **dict.fromkeys((*v.WEIGHTS, *v.OPTIMIZERS), pointer)}
    result = verdict_on(files)
    assert result.verdict is Verdict.IDENTICAL
    says = "No weights could be compared; curve, scheduler, rng, state, flops agree bit for bit over the whole run."
    assert result.why == says


def test_the_first_file_that_differs_is_the_earliest() -> None:
    files = v.scaled(v.committed(), 1.0, ("adapter_model.safetensors",))
    files["checkpoint-9/optimizer.pt"] = v.moments(files["checkpoint-9/optimizer.pt"], 1.0)
    first = verdict_on(files).first_divergence
    assert first is not None
    assert first.step == 9
    assert first.module is not None
    assert first.says.startswith(
        "no logged value tells the step; checkpoint-9/optimizer.pt (optimizer) is the first file"
    )


def test_rows_that_reached_a_batch_are_counted() -> None:
    steps = [{"step": 0}, {"step": 1, "examples": [0, 2]}, {"step": 2, "examples": [2]}]
    own = {
        "rerun_examples.json": json.dumps([[0, 23], [24, 47], [48, 71], [72, 95]]).encode(),
        "rerun_steps.jsonl": "\n".join(map(json.dumps, steps)).encode() + b'\n{"step": 3, "exam',
    }
    result = verdict_on(v.committed(), v.outputs({**v.committed(), **own}))
    assert result.coverage is not None
    assert result.coverage["rows"] == 0.5  # rows 0-23 and 48-71 of 96
    assert result.coverage["steps"] == 1.0


def test_the_first_loss_tells_where_to_look() -> None:
    def other(row: dict[str, Any]) -> None:
        if "loss" in row:
            row["loss"] += 0.5

    everything = noisy(v.with_log(v.committed(), v.STATES, other), 0.5)
    assert "The loss of step 1 differs already" in verdict_on(everything).why
    assert "The loss of step 1 agrees" in verdict_on(noisy(v.committed(), 0.5)).why


def test_notes_of_the_experiment_are_kept() -> None:
    made = replace(v.outputs(), notes=("the variation could not be trained",))
    assert verdict_on(v.committed(), made).repeats[-1] == "the variation could not be trained"


def test_a_rerun_that_left_nothing_is_inconclusive() -> None:
    empty = replace(v.output({}), parts=(Part(Span(0, 18), read(v.snapshot({}))),))
    assert verdict_on(v.committed(), Outputs(empty)).verdict is Verdict.INCONCLUSIVE


def test_learning_rates_and_counters_alone_are_no_proof_of_training() -> None:
    """A forger can write a schedule without training; seen on a GPU rerun of a CPU run, where only they agreed."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"b" * 64 + b"\nsize 123456\n"

    def only_rates(document: dict[str, Any]) -> None:
        for row in document["log_history"]:
            for key in ("loss", "grad_norm"):
                row.pop(key, None)

    files = {**v.committed(), **dict.fromkeys((*v.WEIGHTS, *v.OPTIMIZERS), pointer)}
    for path in v.STATES:
        files = v.with_json(files, path, only_rates)
    result = verdict_on(v.without(files, v.event_path()))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why.startswith("Whether the recipe makes the weights stays open: ")
    assert aspect(result, "scheduler", "checkpoint-18/scheduler.pt").verdict is Verdict.IDENTICAL


def test_the_first_divergence_names_the_last_sound_checkpoint() -> None:
    """Weights of step 9 agree, those of step 18 are scaled, and the log is edited at step 12."""
    files = v.scaled(v.committed(), 0.3, (v.WEIGHTS[0], v.WEIGHTS[2]))

    def lower(row: dict[str, Any]) -> None:
        if row.get("step", 0) >= 12 and "loss" in row:
            row["loss"] *= 0.98

    first = verdict_on(v.with_log(files, (v.STATES[0], v.STATES[2]), lower)).first_divergence
    assert first is not None
    assert first.says == "loss first differs at step 12, after weights that agree at step 9"
    alone = verdict_on(files).first_divergence
    assert alone is not None
    assert alone.says.endswith(", after weights that agree at step 9")


def test_weights_of_the_very_step_are_none_before_it() -> None:
    """The published adapter is scaled and checkpoint-18 is not; a loss is computed before the weights of its step."""
    published = verdict_on(v.scaled(v.committed(), 0.3, v.WEIGHTS[:1])).first_divergence
    assert published is not None
    assert published.says.endswith(", after weights that agree at step 9")

    def louder(row: dict[str, Any]) -> None:
        if row.get("step") == 9 and "loss" in row:
            row["loss"] *= 1.02

    files = v.scaled(v.committed(), 0.3, (v.WEIGHTS[0], v.WEIGHTS[2]))
    at_nine = verdict_on(v.with_log(files, v.STATES, louder)).first_divergence
    assert at_nine is not None
    assert at_nine.says == "loss first differs at step 9"


def test_a_log_that_begins_later_tells_nothing_of_the_first_loss() -> None:
    """``logging_steps`` of 5, say: base and first batch may be others all the same."""

    def cut(document: dict[str, Any]) -> None:
        document["log_history"] = [row for row in document["log_history"] if row["step"] >= 5]

    files = v.without(v.scaled(v.committed(), 0.3), v.event_path())
    assert "The loss of step 1 agrees" in verdict_on(files).why
    for path in v.STATES:
        files = v.with_json(files, path, cut)
    assert "step 1" not in verdict_on(files).why


def test_a_first_norm_within_the_slack_of_its_curve_begins_alike() -> None:
    gap = Gap("curve", "grad_norm", "a log", "it differs", distance=0.5, slack=1e-6)
    for first, alike in ((9e-7, True), (2e-6, False)):
        points = ((1, first), (2, 0.5))
        item = Judged(replace(gap, points=points), Verdict.DIVERGED, "outside", 0.0, None)
        assert begins_alike([item]) is alike


def test_every_logged_key_is_held_against_the_rerun() -> None:
    """The epoch is counted, not computed: 0.5 at step 9 of 18, and no machine logs another."""

    def later(row: dict[str, Any]) -> None:
        if row.get("step") == 9 and "loss" in row:
            row["epoch"] = 0.75

    result = verdict_on(v.with_log(v.committed(), v.STATES[:1], later))
    assert diverged(result) == {("curve", "trainer_state.json")}
    assert (
        "epoch differs by up to 0.33 over 18 steps: 0.75 for 0.5 at step 9"
        in aspect(result, "curve", "trainer_state.json").why
    )


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("save_steps", 3, "save_steps is 3, the rerun's 9"), ("num_input_tokens_seen", 7, None)],
)
def test_counters_that_the_recipe_decides(key: str, value: int, says: str | None) -> None:
    """Tokens are counted only on request: a rerun that did not count them says nothing of the number."""
    result = verdict_on(
        v.with_json(v.committed(), "checkpoint-9/trainer_state.json", lambda d: d.update({key: value}))
    )
    state = aspect(result, "state", "checkpoint-9/trainer_state.json")
    assert (state.verdict is Verdict.DIVERGED) is (says is not None)
    if says is not None:
        assert state.why == says


def test_a_gradient_scaler_is_compared_where_the_rerun_has_one() -> None:
    from tests.builders.pickles import make_scaler

    path = "checkpoint-9/scaler.pt"
    files = {**v.committed(), path: make_scaler(scale=32768.0)}
    assert aspect(verdict_on(files), "scaler", path).verdict is Verdict.INCONCLUSIVE
    same = verdict_on(files, v.outputs(files))
    assert aspect(same, "scaler", path).verdict is Verdict.IDENTICAL
    other = verdict_on(files, v.outputs({**v.committed(), path: make_scaler(scale=65536.0)}))
    assert aspect(other, "scaler", path).why == "scale is 32768.0, the rerun's 65536.0"


def test_a_scaled_adapter_is_said_by_its_factor() -> None:
    """lora_B x 1.25 makes dW x 1.25."""
    result = verdict_on(v.without(v.scaled(v.committed(), 0.25), v.event_path()))
    why = aspect(result, "weights", "adapter_model.safetensors").why
    assert "it is the rerun's times 1.25" in why


@pytest.mark.parametrize(
    ("times", "weights", "expected"),
    [
        (2.9, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE),
        (3.1, Verdict.EQUIVALENT, Verdict.DIVERGED),
        (2.9, Verdict.IDENTICAL, Verdict.DIVERGED),
        (2.9, Verdict.DIVERGED, Verdict.DIVERGED),
    ],
)
def test_a_curve_barely_beyond_its_noise_accuses_nobody_beside_weights_inside_theirs(
    times: float, weights: Verdict, expected: Verdict
) -> None:
    """The mean loss has no noise of its own worth the name: the losses' counts for it."""
    judged = [
        Judged(
            Gap("weights", "", "adapter_model.safetensors", "", 9, distance=0.01), weights, "", 0.03, 0.01
        ),
        Judged(
            Gap("curve", "loss", "trainer_state.json", "", 9, distance=1e-5),
            Verdict.EQUIVALENT,
            "",
            1e-4,
            0.0,
        ),
        Judged(
            Gap("curve", "train_loss", "trainer_state.json", "", 9, distance=times * 1e-4),
            *(Verdict.DIVERGED, "off", 1e-5, 0.0),
        ),
    ]
    assert [item.verdict for item in barely_beyond(judged)] == [weights, Verdict.EQUIVALENT, expected]


@pytest.mark.parametrize(
    ("tag", "noisier", "expected"),
    [
        ("loss", "grad_norm", Verdict.DIVERGED),
        ("grad_norm", "grad_norm", Verdict.INCONCLUSIVE),
        ("grad_norm", "loss", Verdict.DIVERGED),
    ],
)
def test_a_curve_is_not_excused_by_the_noise_of_another(tag: str, noisier: str, expected: Verdict) -> None:
    """2e-2 is within three times the 1e-2 of one, which mostly are norms of gradients, and not of the other's 1e-4."""
    limits = {"loss": 1e-4, "grad_norm": 1e-4, noisier: 1e-2}
    judged = [
        Judged(Gap("weights", "", "x", "", 9, distance=0.01), Verdict.EQUIVALENT, "", 0.03, 0.01),
        *(
            Judged(
                Gap("curve", key, "trainer_state.json", "", 9, distance=2e-2 if key == tag else 1e-6),
                *(Verdict.DIVERGED if key == tag else Verdict.EQUIVALENT, "", limit, 0.0),
            )
            for key, limit in limits.items()
        ),
    ]
    found = {item.gap.key: item.verdict for item in barely_beyond(judged) if item.gap.aspect == "curve"}
    assert found[tag] is expected


def test_a_curve_beyond_its_noise_accuses_where_nothing_trained_was_compared() -> None:
    off = Judged(Gap("curve", "loss", "x", "", 9, distance=2e-4), Verdict.DIVERGED, "off", 1e-4, 0.0)
    assert barely_beyond([off]) == [off]


def test_an_endless_gap_and_a_counted_one_are_not_barely_beyond() -> None:
    weights = Judged(Gap("weights", "", "x", "", 9, distance=0.01), Verdict.EQUIVALENT, "", 0.03, 0.01)
    endless = Judged(Gap("curve", "loss", "x", "", 9, distance=math.inf), Verdict.DIVERGED, "", 1e-4, 0.0)
    counted = Judged(Gap("curve", "epoch", "x", "", 9, distance=2e-4), Verdict.DIVERGED, "", 1e-4, 0.0)
    noted = Judged(Gap("curve", "loss", "x", "", 9, distance=0.0), Verdict.DIVERGED, "", 1e-4, 0.0)
    judged = [weights, endless, counted, noted]
    assert barely_beyond(judged) == judged


def test_a_curve_that_other_bits_prove_to_be_off_is_not_barely_beyond() -> None:
    """Two logs of one run: where one agrees bit for bit, what the other says at the same step was written."""
    weights = Judged(Gap("weights", "", "x", "", 9, distance=0.01), Verdict.EQUIVALENT, "", 0.03, 0.01)
    off = Judged(Gap("curve", "loss", "x", "", 9, distance=2e-4), Verdict.DIVERGED, "off", 1e-4, 0.0)
    proved = replace(off, proved=True)
    assert [item.verdict for item in barely_beyond([weights, off])] == [weights.verdict, Verdict.INCONCLUSIVE]
    assert barely_beyond([weights, proved]) == [weights, proved]


@pytest.mark.parametrize(("distance", "expected"), [(0.029, Verdict.INCONCLUSIVE), (0.031, Verdict.DIVERGED)])
def test_weights_that_beat_the_controls_within_a_loud_noise_leave_the_same_room(
    distance: float, expected: Verdict
) -> None:
    """Consistent ones beyond the noise do not: what another release may move explains the weights, not the curve."""
    weights = Judged(Gap("weights", "", "x", "", 9, distance=distance), Verdict.CONSISTENT, "", 0.03, 0.01)
    off = Judged(Gap("curve", "loss", "x", "", 9, distance=2e-4), Verdict.DIVERGED, "off", 1e-4, 0.0)
    assert [item.verdict for item in barely_beyond([weights, off])] == [Verdict.CONSISTENT, expected]


@pytest.mark.parametrize("moments", [Verdict.IDENTICAL, Verdict.DIVERGED, Verdict.INCONCLUSIVE])
def test_moments_outside_their_noise_leave_no_room_for_a_curve(moments: Verdict) -> None:
    judged = [
        Judged(Gap("weights", "", "x", "", 9, distance=0.01), Verdict.EQUIVALENT, "", 0.03, 0.01),
        Judged(Gap("optimizer", "", "x", "", 9, distance=0.01), moments, "", 0.03, 0.01),
        Judged(Gap("curve", "loss", "x", "", 9, distance=2e-4), Verdict.DIVERGED, "off", 1e-4, 0.0),
    ]
    assert barely_beyond(judged) == judged
