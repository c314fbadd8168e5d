"""Runs whose files leave several minor releases open. The numbers of one are those that benchmarks/minors.py measured.

transformers 5.8 against 5.23: losses and norms smaller by one label in 28, moments 0.035 and 0.07, the update 0.0054.
"""

from dataclasses import replace
from typing import Any

import pytest

from auditor.claims import Ledger
from auditor.model import Evidence, RerunPlan, RerunResult, Status, Verdict, VersionRange
from auditor.rerun.judging.verdict import judge
from auditor.rerun.outputs import Outputs
from auditor.rerun.trials import CONTROL, Trial
from tests.rerun import variants as v
from tests.rerun.test_verdict import aspect, diverged

SEVERAL, ONE = VersionRange("4.50.0", None), VersionRange("5.23.0", "5.23.1")
RECENT = VersionRange("5.11.0", None)
AT = "adapter_model.safetensors"


def ledger(transformers: VersionRange | None, peft: VersionRange | None = None) -> Ledger:
    found = {"transformers": transformers, "peft": peft or VersionRange("0.21.2", "0.21.2")}
    return Ledger(".", {}).with_evidence(
        tuple(
            Evidence(f"{name}_version", Status.VERIFIED, "", value=span)
            for name, span in found.items()
            if span is not None
        )
    )


def otherwise(share: float = 0.0054, *, since: int = 1, norms: bool = True, less: float = 1 / 28) -> v.Files:
    """The fixture as another arithmetic leaves it; from step ``since`` on it logs ``less`` of every loss and norm."""

    def row(line: dict[str, Any]) -> None:
        for tag in ("loss", "grad_norm"):
            if tag in line and line["step"] >= since:
                line[tag] *= 1 - less
        if not norms:
            line.pop("grad_norm", None)

    files = v.scaled(v.without(v.committed(), v.event_path()), share)
    files |= {path: v.moments(files[path], 0.035) for path in v.OPTIMIZERS}
    return v.with_log(files, v.STATES, row)


def verdict(
    files: v.Files, known: Ledger, plan: RerunPlan | None = None, made: Outputs | None = None
) -> RerunResult:
    return judge(v.run_of(files), known, plan or v.plan_of_fixture(), made or v.outputs())


@pytest.mark.parametrize("span", [SEVERAL, VersionRange("5.9.0", None), None])
def test_an_honest_run_of_another_minor_is_not_accused(span: VersionRange | None) -> None:
    result = verdict(otherwise(), ledger(span))
    assert diverged(result) == set()
    assert result.verdict is Verdict.INCONCLUSIVE
    why = aspect(result, "weights", AT).why
    known = (
        f"files prove only that transformers {span} made the run"
        if span
        else "no file proves which transformers made the run"
    )
    assert known in why
    assert why.endswith(
        "(--environment recorded trains with the likeliest, transformers==X.Y.Z with another)"
    )


def test_a_release_of_peft_that_is_open_excuses_as_much() -> None:
    open_ = verdict(otherwise(), ledger(ONE, VersionRange("0.10.0", "0.12.0")))
    assert "made by peft 0.10.0 to 0.12.0 and this rerun by 0.21.2" in aspect(open_, "weights", AT).why
    result = verdict(otherwise(), ledger(ONE, VersionRange("0.20.0", "0.21.2")))
    assert diverged(result) == set()
    assert "files prove only that peft 0.20.0 to 0.21.2 made the run" in aspect(result, "weights", AT).why


@pytest.mark.parametrize("span", [RECENT, VersionRange("5.10.0", None), VersionRange("5.23.0", None)])
def test_releases_that_train_the_same_bits_excuse_nothing(span: VersionRange) -> None:
    """benchmarks/minors.py: 5.15, 5.20 and 5.24 against 5.23: 0 in losses, norms, updates and moments."""
    found = diverged(verdict(otherwise(), ledger(span)))
    assert {("weights", AT), ("curve", "trainer_state.json")} <= found


def test_the_one_minor_that_is_here_excuses_nothing() -> None:
    assert ("weights", AT) in diverged(verdict(otherwise(), ledger(ONE)))


def test_a_curve_whose_losses_stay_open_is_not_called_identical() -> None:
    item = aspect(verdict(otherwise(), ledger(SEVERAL)), "curve", "trainer_state.json")
    assert item.verdict is Verdict.INCONCLUSIVE
    assert item.why.startswith("loss differs by up to 0.036 over 18 steps")


def test_a_run_that_begins_alike_was_not_trained_otherwise() -> None:
    """Another row drawn at step 5, say: every arithmetic of another release would have shown in step 1."""
    result = verdict(otherwise(since=5), ledger(SEVERAL))
    assert {("weights", AT), ("curve", "trainer_state.json")} <= diverged(result)


def test_a_first_loss_alone_does_not_show_how_gradients_were_scaled() -> None:
    """transformers 4.45 against 5.23, one micro-batch: first loss 2.1e-6 apart, first norm 4.1e-4, update 0.0051."""
    result = verdict(otherwise(since=5, norms=False), ledger(SEVERAL))
    assert ("weights", AT) not in diverged(result)


def test_no_release_takes_the_weights_as_far_as_another_recipe() -> None:
    """lr x 1.1 is 0.1 away, another seed 1.4 (8 steps, measured)."""
    result = verdict(otherwise(0.1), ledger(SEVERAL))
    assert {("weights", AT), ("curve", "trainer_state.json")} <= diverged(result)


def test_micro_batches_that_were_averaged_otherwise_reach_farther() -> None:
    plan = v.plan_of_fixture()
    padded = replace(
        plan, settings={**plan.settings, "packing": replace(plan.settings["packing"], value=False)}
    )
    assert diverged(verdict(otherwise(0.1), ledger(SEVERAL), padded)) == set()
    assert ("weights", AT) in diverged(verdict(otherwise(0.1), ledger(RECENT), padded))
    assert diverged(verdict(otherwise(0.9), ledger(SEVERAL), padded)) == set()  # 0.9 / 1.9 = 0.47 away
    assert ("weights", AT) in diverged(verdict(otherwise(1.1), ledger(SEVERAL), padded))  # 0.52


@pytest.mark.parametrize(
    ("number", "low", "excused"),
    [(2, "4.52.4", True), (2, "4.53.0", False), (1, "4.52.4", False)],
)
def test_the_mean_of_micro_batches_was_another_until_a_release(
    number: int, low: str, *, excused: bool
) -> None:
    """The base of the fixture reads images, and such models took the mean until 4.53."""
    plan = v.plan_of_fixture()
    changed = {"packing": False, "gradient_accumulation_steps": number}
    settings = {key: replace(plan.settings[key], value=value) for key, value in changed.items()}
    padded = replace(plan, settings={**plan.settings, **settings})
    found = diverged(verdict(otherwise(0.1), ledger(VersionRange(low, None)), padded))
    assert (("weights", AT) not in found) is excused


@pytest.mark.parametrize(("less", "excused"), [(0.24, True), (0.26, False)])
def test_a_row_of_four_labels_is_the_farthest_that_a_loss_lies(less: float, *, excused: bool) -> None:
    found = diverged(verdict(otherwise(less=less), ledger(SEVERAL)))
    assert (("curve", "trainer_state.json") not in found) is excused


def test_states_that_no_arithmetic_makes_are_still_named() -> None:
    files = otherwise()
    files["checkpoint-9/rng_state.pth"] = files["checkpoint-18/rng_state.pth"]
    assert diverged(verdict(files, ledger(SEVERAL))) == {("rng", "checkpoint-9/rng_state.pth")}


def test_bits_that_agree_leave_no_release_open() -> None:
    """The published adapter alone was edited, beside moments and checkpoints of the very bits."""
    files = v.scaled(v.committed(), 0.01, v.WEIGHTS[:1])
    assert diverged(verdict(files, ledger(SEVERAL))) == {("weights", AT)}


def test_weights_nearer_than_every_control_are_consistent() -> None:
    control = v.output(v.scaled(v.committed(), 0.1), "control-rate", "learning_rate x 1.1")
    control = replace(control, trial=Trial("control-rate", CONTROL, "learning_rate x 1.1"))
    result = verdict(otherwise(), ledger(SEVERAL), made=replace(v.outputs(), controls=(control,)))
    assert aspect(result, "weights", AT).verdict is Verdict.CONSISTENT
    assert result.verdict is Verdict.CONSISTENT


def logged(files: v.Files, tag: str, times: float) -> v.Files:
    def row(line: dict[str, Any]) -> None:
        if tag in line:
            line[tag] *= times

    return v.with_log(files, v.STATES, row)


def test_no_release_logs_another_learning_rate() -> None:
    found = diverged(verdict(logged(otherwise(), "learning_rate", 0.9), ledger(SEVERAL)))
    assert found == {("curve", path) for path in v.STATES}


def test_losses_summed_over_micro_batches_are_held_against_the_sum() -> None:
    """Twice the mean is 0.48 from it, and no more than a label a row from the sum of two."""
    item = aspect(verdict(logged(otherwise(), "loss", 2), ledger(SEVERAL)), "curve", "trainer_state.json")
    assert item.verdict is Verdict.INCONCLUSIVE
    assert ("curve", "trainer_state.json") in diverged(
        verdict(logged(otherwise(), "loss", 3), ledger(SEVERAL))
    )
