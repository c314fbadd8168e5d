"""weights-outrun-learning-rate on lora_A, whose first numbers the seed of fixtures/tiny drew, and between checkpoints.

The honest run's lora_A lies at most 0.0153 from its draws (0.85 of the sum of its rates, 0.018, in
`test_the_honest_run_is_as_near_as_measured`); Adam allows 0.0185694, as tests of weights-outrun-optimizer derive.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.model import Snapshot
from tests.builders.example_edits import pickled
from tests.builders.repositories import healthy
from tests.builders.safetensors import make_arrays
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.checks.training.parts import rows
from tests.checks.training.test_weights_stood_still import put_back
from tests.rerun.variants import WEIGHTS, arrays_of, committed, with_tensors

RULE = "weights-outrun-learning-rate"
ROOT, NINE, EIGHTEEN = WEIGHTS
STATES = ("checkpoint-9/", "checkpoint-18/")
BOUND = 0.0185694
MODULE = "1.mlp.up_proj"
Edit = Callable[[NDArray[Any]], NDArray[Any]]


def edited(change: Edit, where: str = MODULE, part: str = "lora_A", path: str = ROOT) -> bytes:
    """The adapter with the tensors of a module changed."""

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return change(array).astype("f4") if where in name and part in name else array

    return with_tensors(committed()[path], edit)


def published(weights: bytes, **more: Any) -> Snapshot:
    """The run without its checkpoints, as it is usually published."""
    data = {ROOT: weights, **more.pop("data", {})}
    return healthy(without=STATES, data=data, **more)


def times(factor: float) -> Edit:
    return lambda a: a * numpy.float32(factor)


def shift(far: float) -> Edit:
    return lambda a: a + numpy.float32(far)


def test_the_honest_run_is_as_near_as_measured() -> None:
    assert found(RULE, published(committed()[ROOT])) == []
    assert found(RULE, healthy()) == []


def test_fails_for_a_lora_a_that_was_shifted_by_twice_the_bound() -> None:
    (only,) = found(RULE, published(edited(shift(2 * BOUND))))
    limit, observed = float((only.expected or "").split()[2].rstrip(",")), float(only.observed or "nan")
    # The drawn numbers lie within 1/sqrt(64); bfloat16 may have rounded them by 2**-9 of that at most, twice counted.
    assert BOUND < limit < (BOUND + 2**-8 / math.sqrt(64)) * 1.01
    assert 2 * BOUND < observed < 2 * BOUND + 0.0165
    member = f"base_model.model.model.language_model.layers.{MODULE}.lora_A.weight"
    assert only == finding(
        RULE,
        WARNING,
        "lora_A of 1 of 14 modules lies further from the numbers that seed 42 drew than 18 steps at the claimed "
        "learning rate can carry it",
        ROOT,
        member,
        expected=f"at most {limit:.6g}, where each step goes as far as the optimizer allows",
        observed=f"{observed:.6g}",
    )


def test_passes_within_the_bound() -> None:
    assert found(RULE, published(edited(shift(0.1 * BOUND)))) == []


@pytest.mark.parametrize("where", [MODULE, ".layers."])
def test_fails_for_a_shift_of_random_signs(where: str) -> None:
    random = numpy.random.default_rng(3)
    weights = edited(lambda a: a + 2 * BOUND * random.choice([-1.0, 1.0], a.shape), where)
    (only,) = found(RULE, published(weights))
    assert only.severity is WARNING
    assert f"lora_A of {1 if where == MODULE else 14} of 14 modules" in only.message


def turned(share: float) -> bytes:
    """B M^-1 and M A of every module, M a rotation near the identity: the same update in another basis."""
    random = numpy.random.default_rng(5)
    skew = random.normal(size=(8, 8)) * share
    half = (skew - skew.T) / 2
    turn = numpy.linalg.solve(numpy.eye(8) + half, numpy.eye(8) - half)

    def edit(name: str, a: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = (a @ turn.T if "lora_B" in name else turn @ a).astype("f4")
        return made

    return with_tensors(committed()[ROOT], edit)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_another_basis_is_a_note(share: float) -> None:
    (only,) = found(RULE, published(turned(share)))
    assert only.severity is NOTE
    assert only.message.startswith("lora_A of ")
    assert only.message.endswith("; this may be another basis of the same update")


def test_a_scaled_lora_a_may_be_balanced_by_its_lora_b() -> None:
    (only,) = found(RULE, published(edited(lambda a: a * 1.4)))
    assert only.severity is NOTE


def test_the_same_shift_in_every_file_is_found_beside_the_optimizer() -> None:
    """Neither a checkpoint nor the optimizer contradicts it: only the seed does."""
    data = {path: edited(shift(2 * BOUND), path=path) for path in WEIGHTS}
    (only,) = found(RULE, healthy(data=data))
    assert (only.severity, only.at.path) == (WARNING, ROOT)


def test_one_file_of_several_is_told_by_the_rules_that_compare_them() -> None:
    contradict = "lora_A is not looked at: the run's adapters contradict each other"
    for paths in ((ROOT,), (ROOT, EIGHTEEN)):
        data = {path: edited(shift(2 * BOUND), path=path) for path in paths}
        assert contradict in reasons(RULE, healthy(data=data))


def test_without_logged_rates_every_step_counts_in_full() -> None:
    """18 x 0.002 = 0.036 instead of 0.018: the schedule that the arguments name is not what the run must have used."""
    silent: dict[str, dict[str, object]] = {"trainer_state.json": {"/log_history": []}}
    assert found(RULE, published(edited(shift(0.9 * BOUND)), json_edits=silent)) == []
    assert len(found(RULE, published(edited(shift(2.5 * BOUND)), json_edits=silent))) == 1


RATES = [0.0, 0.001, *(0.002 * (16 - k) / 16 for k in range(16))]


@pytest.mark.parametrize(
    ("logged", "agree"),
    [
        (lambda step: RATES[step - 1], True),
        (lambda step: RATES[min(step, 17)], True),  # as releases before 4.47 log it: the next step's
        (lambda step: 0.002, False),
        (lambda step: 1.0 if step == 18 else RATES[step - 1], False),
    ],
)
def test_logged_rates_show_whether_the_schedule_ran(logged: Callable[[int], float], *, agree: bool) -> None:
    """Where they do, 1.5 times the bound is too far; else every step counts in full, with twice the sum."""
    history = rows("trainer_state.json")
    for row in history:
        if "learning_rate" in row:
            row["learning_rate"] = logged(int(str(row["step"])))
    edits: dict[str, dict[str, object]] = {"trainer_state.json": {"/log_history": history}}
    far = put_back(MODULE, shift(1.5 * BOUND))
    assert (len(found(RULE, published(far, json_edits=edits))) == 1) is agree


@pytest.mark.parametrize("step", [19, 400, 10**12])
def test_a_row_behind_the_last_step_is_of_no_schedule(step: int) -> None:
    history = [*rows("trainer_state.json"), {"step": step, "learning_rate": 1e-9}]
    edits: dict[str, dict[str, object]] = {"trainer_state.json": {"/log_history": history}}
    assert found(RULE, published(put_back(MODULE, shift(1.5 * BOUND)), json_edits=edits)) == []


def test_a_step_of_lion_is_the_rate() -> None:
    """0.018 in all, where Adam may reach BOUND, three per cent more; both with the margins of the rule."""
    arguments = pickled(committed()["training_args.bin"], "optim", "lion_32bit")
    for far, count in ((0.0184, 0), (0.0189, 1)):
        weights = put_back(MODULE, shift(far))
        assert found(RULE, published(weights)) == []
        lion = published(weights, data={"training_args.bin": arguments})
        assert len(found(RULE, lion)) == count


def without_optimizers(data: dict[str, bytes]) -> Snapshot:
    return healthy(without=("checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt"), data=data)


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_fails_for_a_checkpoint_that_no_nine_steps_lead_to(part: str) -> None:
    """Steps 10 to 18: rates 0.002 x 8/16 to 0 with the factors of their steps; brute force over the definition."""
    weights = edited(shift(BOUND), part=part, path=EIGHTEEN)
    (only,) = found(RULE, without_optimizers({EIGHTEEN: weights}))
    rates = [0.0, 0.001, *(0.002 * (16 - k) / 16 for k in range(16))]
    limit = sum(rate * factor(t) for t, rate in enumerate(rates, 1) if t > 9) * 1.005
    assert only.at.path == EIGHTEEN
    assert only.message == (
        "1 of 28 tensors moved further in the 9 steps since checkpoint-9/adapter_model.safetensors than the claimed "
        "learning rate can move them"
    )
    assert only.expected == f"at most {limit:.6g}, where each step goes as far as the optimizer allows"


@pytest.mark.parametrize("kept", ["checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt"])
def test_one_optimizer_alone_bounds_no_steps_between(kept: str) -> None:
    """weights-outrun-optimizer needs both, and so leaves this to the rule here."""
    gone = {"checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt"} - {kept}
    data = {EIGHTEEN: edited(shift(BOUND), path=EIGHTEEN)}
    assert len(found(RULE, healthy(without=tuple(gone), data=data))) == 1


@pytest.mark.parametrize("path", [NINE, EIGHTEEN])
def test_a_factor_of_zeros_is_left_to_the_rule_of_untrained_layers(path: str) -> None:
    weights = edited(times(0), path=path)
    assert found(RULE, without_optimizers({path: weights})) == []


def factor(step: int) -> float:
    a = numpy.array([0.1 * 0.9 ** (step - i) for i in range(1, step + 1)]) / (1 - 0.9**step)
    b = numpy.array([0.001 * 0.999 ** (step - i) for i in range(1, step + 1)]) / (1 - 0.999**step)
    return math.sqrt(float((a * a / b).sum()))


def test_passes_between_honest_checkpoints_without_optimizers() -> None:
    assert found(RULE, without_optimizers({})) == []


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, 0.0])
def test_numbers_that_are_none_and_zeros_are_other_rules_matter(value: float) -> None:
    for path in (NINE, EIGHTEEN):
        data = {path: edited(lambda a: numpy.full_like(a, value), path=path)}
        assert found(RULE, without_optimizers(data)) == []


@pytest.mark.parametrize("path", [NINE, EIGHTEEN])
def test_a_factor_under_two_names_is_compared_under_the_one_that_both_files_take(path: str) -> None:
    """A file may hold lora_A of a module with an adapter's name and without it; the first one in the file counts."""
    tensors = {}
    for name, array in arrays_of(committed()[path]).items():
        if MODULE in name and "lora_A" in name:
            tensors[name.replace("lora_A.weight", "lora_A.default.weight")] = array + numpy.float32(1)
        tensors[name] = array
    assert found(RULE, without_optimizers({path: make_arrays(tensors)})) == []


def test_another_seed_that_drew_the_numbers_serves_as_well() -> None:
    arguments = {"training_args.bin": pickled(committed()["training_args.bin"], "seed", 7)}
    (only,) = found(RULE, published(edited(shift(2 * BOUND)), data=arguments))
    assert "the numbers that seed 42 drew" in only.message


NOT_LOOKED = "lora_A is not looked at: "


def test_says_when_it_cannot_look_at_lora_a() -> None:
    shifted = edited(shift(2 * BOUND))
    arguments = committed()["training_args.bin"]
    retried = {"training_args.bin": pickled(arguments, "auto_find_batch_size", value=True)}
    assert reasons(RULE, published(shifted, data=retried)) == [
        f"{NOT_LOOKED}attempts with larger batches may have moved the weights before (auto_find_batch_size)"
    ]
    random = numpy.random.default_rng(1)
    noise = edited(lambda a: random.uniform(-0.125, 0.125, a.shape), where=".layers.")
    assert reasons(RULE, published(noise)) == [
        f"{NOT_LOOKED}the numbers that lora_A began with are not known"
    ]
    path = "cheetah-fine-tuning-config.json"
    assert reasons(RULE, published(shifted, json_edits={path: {"/adapter_name_or_path": "saves/sft"}})) == [
        f"{NOT_LOOKED}{path} names an adapter that training went on from (adapter_name_or_path)"
    ]


def test_looks_at_lora_a_where_lora_b_has_a_rate_of_its_own() -> None:
    declared = {"cheetah-fine-tuning-config.json": {"/loraplus_lr_ratio": 16}}
    (only,) = found(RULE, published(edited(shift(2 * BOUND)), json_edits=declared))
    assert only.message.startswith("lora_A of 1 of 14 modules")


def test_steps_after_the_last_checkpoint_count() -> None:
    """The checkpoint is of step 9, and says that 18 were planned: rates up to 9 sum to 0.014, all to 0.018."""
    gone = ("checkpoint-18/", "checkpoint-9/optimizer.pt", "trainer_state.json")
    for factor_of_b, count in ((1.9, 0), (3.5, 1)):
        weights = edited(times(factor_of_b), where=".layers.", part="lora_B")
        assert len(found(RULE, healthy(without=gone, data={ROOT: weights}))) == count
