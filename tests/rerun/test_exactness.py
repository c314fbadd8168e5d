"""Falsified runs under a loud floor: where other bits agree, noise explains nothing; where they do not, it may.

The injected variation moves the update by 0.08 and every logged loss and norm by 1e-3, as bfloat16 on another machine
does: a floor under which an edit of 1 % hides.
"""

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.model import Verdict, VersionRange
from auditor.rerun.judging.exactness import Exact, proofs
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.outputs import Outputs
from tests.rerun import variants as v
from tests.rerun.test_verdict import aspect, derived, diverged, eight_bits, noisy, verdict_on

ROOT = "adapter_model.safetensors"
UP_TO = "yet loss and gradient norm agree bit for bit up to step 18, so rounding does not explain it"


def logged(files: v.Files, edit: Callable[[str, int, float], float]) -> v.Files:
    """Loss and norm of every log edited by tag, step and value; without the event file, which this cannot edit."""

    def row(line: dict[str, Any]) -> None:
        for tag in ("loss", "grad_norm"):
            if tag in line:
                line[tag] = edit(tag, line["step"], line[tag])

    return v.with_log(v.without(files, v.event_path()), v.STATES, row)


def loud() -> Outputs:
    varied = logged(noisy(v.committed(), 0.08), lambda _, __, value: value * 1.001)
    return v.outputs(variation=v.output(varied, "variation", "half the bits"))


def without_states(files: v.Files) -> v.Files:
    """Adapter and logs alone: no moments that could prove anything."""
    return v.without(files, "optimizer.pt", "scheduler.pt", "rng_state.pth")


def test_edited_weights_beside_honest_curves_are_no_noise() -> None:
    files = without_states(v.scaled(v.committed(), 0.01))
    result = verdict_on(files, loud())
    assert diverged(result) == {("weights", path) for path in v.WEIGHTS}
    assert aspect(result, "weights", ROOT).why.endswith(UP_TO)
    assert result.first_divergence is not None
    assert result.first_divergence.step == 9


def test_the_same_edit_hides_where_the_curves_are_another_machines() -> None:
    """What an honest run of another machine leaves, which must not be accused."""
    files = without_states(logged(v.scaled(v.committed(), 0.01), lambda _, __, value: value * 1.0005))
    result = verdict_on(files, loud())
    assert diverged(result) == set()
    assert "is too high to tell noise from another recipe" in aspect(result, "weights", ROOT).why


def test_another_runs_release_is_no_excuse_where_the_bits_agree() -> None:
    files = without_states(v.scaled(v.committed(), 0.01))
    older = derived("transformers", VersionRange("4.50.0", "4.51.3"))
    assert diverged(verdict_on(files, loud(), older)) == {("weights", path) for path in v.WEIGHTS}
    moved = logged(files, lambda _, __, value: value * 1.0005)
    assert diverged(verdict_on(moved, loud(), older)) == set()


def test_losses_that_the_file_rounds_prove_nothing() -> None:
    """A loss near 6 rounded to four decimals is equal whatever happens to its seventh digit."""

    def rounds(tag: str, step: int, value: float) -> float:
        return round(value, 4) if tag == "loss" else 1.0

    quiet = logged(noisy(v.committed(), 0.08), lambda tag, _, value: 1.0 if tag != "loss" else value + 1e-9)
    rerun = logged(v.committed(), lambda tag, _, value: value if tag == "loss" else 1.0)
    made = v.outputs(rerun, v.output(quiet, "variation", "half the bits"))
    files = without_states(logged(v.scaled(v.committed(), 0.01), rounds))
    result = verdict_on(files, made)
    assert aspect(result, "curve", "trainer_state.json").verdict is Verdict.IDENTICAL
    assert diverged(result) == set()


@pytest.mark.parametrize(("last", "caught"), [(4, False), (5, True)])
def test_so_many_values_must_be_equal(last: int, *, caught: bool) -> None:
    """Ten, two a step; the weights of step 9 are edited, and the log goes as far."""
    kept = range(10 - last, 10)

    def cut(document: dict[str, Any]) -> None:
        document["log_history"] = [row for row in document["log_history"] if row["step"] in kept]

    files = without_states(v.scaled(v.committed(), 0.01, v.WEIGHTS[1:2]))
    files = v.without(files, v.event_path())
    for path in v.STATES:
        files = v.with_json(files, path, cut)
    assert (diverged(verdict_on(files, loud())) != set()) is caught


def test_what_comes_after_the_last_equal_step_may_be_noise() -> None:
    """Equal up to step 12 of 18: the weights of step 9 are proved, those of step 18 are not."""
    files = without_states(v.scaled(v.committed(), 0.01))
    files = logged(files, lambda _, step, value: value if step <= 12 else value * 1.0005)
    assert diverged(verdict_on(files, loud())) == {("weights", v.WEIGHTS[1])}


def test_moments_edited_beside_equal_weights_are_no_noise_either() -> None:
    files = v.committed()
    files[v.OPTIMIZERS[0]] = v.moments(files[v.OPTIMIZERS[0]], 0.01)
    result = verdict_on(files, loud())
    assert diverged(result) == {("optimizer", v.OPTIMIZERS[0])}
    assert aspect(result, "optimizer", v.OPTIMIZERS[0]).why.endswith(
        "yet the state after step 18 agrees bit for bit, so rounding does not explain it"
    )


@pytest.mark.parametrize("measured", [True, False])
def test_weights_that_no_step_has_moved_prove_nothing(*, measured: bool) -> None:
    """A warm-up whose first rate is zero: every machine has the initial weights, and its own moments."""
    start = v.committed()
    made = {**start, v.WEIGHTS[1]: start[ROOT]}  # init/ is the root adapter's copy in these outputs
    varied = v.output({**noisy(made, 1e-4), v.WEIGHTS[1]: start[ROOT]}, "variation", "another machine")
    outputs = v.outputs(made, varied)
    if not measured:
        outputs = Outputs(outputs.rerun, outputs.repeats)
    files = v.without(noisy(made, 5e-5), v.event_path())
    files = {**files, v.WEIGHTS[1]: start[ROOT]}
    result = verdict_on(files, outputs)
    assert aspect(result, "weights", v.WEIGHTS[1]).verdict is Verdict.IDENTICAL
    assert diverged(result) == set()


def widened(files: v.Files, dtype: str | None) -> v.Files:
    """The published adapter in another basis of its rank and rounded to eight bits, stored so or as float32 again."""
    q, _ = numpy.linalg.qr(numpy.random.default_rng(3).normal(size=(8, 8)))

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return eight_bits(name, q @ array if "lora_A" in name else array @ q.T)

    return {**files, ROOT: v.with_tensors(files[ROOT], edit, dtype)}


@pytest.mark.parametrize("dtype", ["BF16", None])
def test_what_a_rewrite_rounds_is_not_held_against_bits_that_agree(dtype: str | None) -> None:
    """Half a spacing of eight bits in both factors is 2 ** -8: an honest rewrite, although the moments agree."""
    item = aspect(verdict_on(widened(v.committed(), dtype)), "weights", ROOT)
    assert item.verdict is Verdict.EQUIVALENT
    assert "inside the noise of 0.0078" in item.why
    further = verdict_on(widened(v.scaled(v.committed(), 0.05), dtype))
    assert ("weights", ROOT) in diverged(further)


def test_an_adapter_rounded_and_widened_again_is_equivalent() -> None:
    files = v.committed()
    files[ROOT] = v.with_tensors(files[ROOT], eight_bits)
    item = aspect(verdict_on(files), "weights", ROOT)
    assert item.verdict is Verdict.EQUIVALENT
    assert item.why == "all 28 tensors are bit-equal once rounded to BF16"


def test_a_state_that_the_variation_leaves_alone_proves_nothing() -> None:
    gap = Gap("weights", "checkpoint-9", "a file", "equal", 9, same=True, distance=0.0)
    at = ("weights", "checkpoint-9")
    assert proofs([gap], {at: 0.0}) == ()
    assert proofs([gap], {at: 1e-4}) == (Exact(9, "the state after step 9 agrees bit for bit", 0.0),)


@pytest.mark.parametrize(("far", "covered"), [(9e-6, False), (1.1e-5, True)])
def test_equal_curves_leave_what_any_two_processors_differ_by(far: float, *, covered: bool) -> None:
    points = tuple((step, 0.0) for step in range(1, 11))
    curve = Gap("curve", "loss", "a log", "equal", points=points, telling=frozenset(range(1, 11)))
    (proof,) = proofs([curve], {})
    assert (proof.step, proof.least) == (10, 1e-5)
    assert proof.covers(Gap("weights", "", "a file", "they differ", 10, distance=far)) is covered
