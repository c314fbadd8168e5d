"""Near recipes and other readings: which are tried, in which order, and what they make of a verdict."""

from dataclasses import replace
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.checks.training.rerun_diverged import check as rerun_diverged
from auditor.claims import Ledger, build
from auditor.model import Alternative, Evidence, RerunPlan, Setting, Skip, Status, Verdict, VersionRange
from auditor.rerun.controls import controls
from auditor.rerun.judging import weights_gap
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.published import origin
from auditor.rerun.judging.scale import to_committed, to_rerun
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning.readings import readings
from auditor.rerun.search import MOST, Search
from auditor.rerun.trials import CONTROL, HYPOTHESIS, PROBE, Trial
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA)
SPANS = b"[[0, 23], [24, 47], [48, 71], [72, 95]]"
STEPS = b'{"step": 0}\n{"step": 1, "examples": [1, 2]}\n'


def search(files: v.Files | None = None, plan: RerunPlan | None = None, **options: Any) -> Search:
    files = v.committed() if files is None else files
    run = v.run_of(files)
    return Search(run, build(run), plan or v.plan_of_fixture(), replace(OPTIONS, **options))


def trained(files: v.Files, trial: Trial) -> Output:
    """What a trial left, made of files whose distance from the fixture is known."""
    return replace(v.output(files, trial.name, trial.says), trial=trial)


def moved(share: float) -> v.Files:
    """dW = scaling B A, so lora_B x (1 + share) is exactly that share away, relative to the longer one."""
    return v.scaled(v.committed(), share)


def test_what_was_measured_once_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search judges after every training; its verdict is the one that is reached without anything remembered."""
    made: list[object] = []

    measure = weights_gap._measured

    def counted(pair: Pair, *sides: Any) -> Gap:
        made.append(pair)
        return measure(pair, *sides)

    monkeypatch.setattr(weights_gap, "_measured", counted)
    search_ = search(moved(0.01))
    outputs = v.outputs()
    search_(outputs)
    # Three folders against the rerun, and as many between it and its repeat and its variation.
    assert len(made) == 9
    search_(outputs)
    assert len(made) == 9
    trial = Trial("reading-1", HYPOTHESIS, "a reading", {"lora_dropout": 0.0})
    with_more = outputs.more([trained(moved(0.02), trial)])
    result = search_.result(with_more)
    # The reading's gaps, and three distances: of both from what was committed, and of the reading from the rerun.
    assert len(made) == 9 + 3 + 9
    assert search_.result(with_more) == result
    assert len(made) == 21
    assert result == search(moved(0.01)).result(with_more)
    assert len(made) == 2 * 21


def test_controls_change_one_thing_each() -> None:
    rerun = v.output({**v.committed(), "rerun_examples.json": SPANS, "rerun_steps.jsonl": STEPS}, "rerun")
    made = {trial.name: trial for trial in controls(v.plan_of_fixture(), rerun)}
    assert {name: dict(trial.changes) for name, trial in made.items()} == {
        "control-seed": {"seed": 43},
        "control-rate": {"learning_rate": 0.002 * 1.1},
        "control-dropout": {"lora_dropout": 0.0},
        "control-quantization": {"quantization": None},
        "control-row": {},
    }
    (number,) = made["control-row"].rows
    assert number == 24  # the first row of block 1, which step 1 drew
    assert {trial.role for trial in made.values()} == {CONTROL}


def test_controls_that_change_nothing_are_left_out() -> None:
    plan = v.plan_of_fixture()
    bare = {"lora_dropout": Setting(0.0, "x"), "quantization": Setting(None, "x")}
    made = controls(replace(plan, settings={**plan.settings, **bare}, data=""), v.output(v.committed()))
    assert [trial.name for trial in made] == ["control-seed", "control-rate"]


def test_open_readings_come_first_and_slips_after_them() -> None:
    plan = v.plan_of_fixture()
    assumed = Setting(False, "no file says it", assumed=True)
    known = {**plan.settings, "packing": assumed, "add_eos_token": assumed}
    found = readings(known)
    assert [item.words for item in found] == [
        "packing = True",
        "add_eos_token = True",
        "pad_to_max_length = True",
        "pad_to_multiple_of = 8",
        "pad_to_multiple_of = 64",
        "gradient_accumulation_steps = 1",
        "per_device_train_batch_size = 2, gradient_accumulation_steps = 1",
        "lora_dropout = 0.0",
    ]
    assert [item.open for item in found] == [True, True, True, True, True, False, False, False]


def test_the_plan_carries_what_other_sources_say() -> None:
    files = v.with_json(v.committed(), "cheetah-fine-tuning-config.json", _accumulate_four)
    run = v.run_of(files)
    from auditor.rerun.planning.plan import build as plan_of

    plan = plan_of(run, build(run), TINY_BASE, v.DATA)
    found = [item for item in plan.alternatives if item.changes == {"gradient_accumulation_steps": 4}]
    assert len(found) == 1
    assert not found[0].open
    assert found[0].says in plan.hypotheses


def _accumulate_four(document: dict[str, Any]) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "gradient_accumulation_steps":
                    node[key] = 4
                else:
                    walk(value)

    walk(document)


def test_equal_bits_need_no_control() -> None:
    assert search()(v.outputs()) == ()


def test_controls_come_before_readings_and_readings_one_at_a_time() -> None:
    files = moved(0.3)
    asked = search(files)
    outputs = v.outputs()
    first = asked(outputs)
    assert {trial.role for trial in first} == {CONTROL}
    outputs = outputs.more([trained(moved(0.9), trial) for trial in first])
    other = v.with_log(moved(0.9), v.STATES, _another_loss)
    outputs = outputs.more([trained(other, trial) for trial in asked(outputs)])
    assert {output.trial.role for output in outputs.probes if output.trial} == {PROBE}
    second = asked(outputs)
    assert [(trial.role, dict(trial.changes)) for trial in second] == [(HYPOTHESIS, {"packing": False})]
    outputs = outputs.more([trained(moved(0.9), second[0])])
    (third,) = asked(outputs)
    assert third.name == "reading-3"  # 2 is an order of rows, which the first loss refutes
    # The reading that fits ends the search.
    assert asked(outputs.more([trained(files, third)])) == ()


@pytest.mark.parametrize(("declared", "tried"), [(1.0, 0), (0.9, 2)])
def test_an_order_with_another_first_loss_is_refuted_where_a_training_has_the_committed_one(
    declared: float, tried: int
) -> None:
    """Without an event file another release may log another loss, unless the declared order's is the one committed."""
    files = v.without(moved(0.3), v.event_path())
    asked = search(files, controls=False)

    def at(factor: float) -> v.Files:
        def scaled(row: dict[str, Any]) -> None:
            row.update({key: row[key] * factor for key in ("loss",) if key in row})

        return v.with_log(moved(0.9), v.STATES, scaled)

    outputs = v.outputs(at(declared))
    begun = asked(outputs)
    assert {trial.role for trial in begun} == {PROBE}
    outputs = outputs.more([trained(at(0.97), trial) for trial in begun])
    assert len(begun) == 2
    while trials := asked(outputs):
        outputs = outputs.more([trained(moved(0.9), trial) for trial in trials])
    whole = [output for output in outputs.hypotheses if output.says in {trial.says for trial in begun}]
    assert len(whole) == tried


def _another_loss(row: dict[str, Any]) -> None:
    if "loss" in row:
        row["loss"] /= 3


def test_without_controls_and_hypotheses_nothing_more_is_trained() -> None:
    assert search(moved(0.3), controls=False, hypotheses=False)(v.outputs()) == ()


def judged(files: v.Files, reading: Alternative, theirs: v.Files) -> Any:
    plan = replace(v.plan_of_fixture(), alternatives=(reading,))
    asked = search(files, plan)
    (name,) = asked.readings
    outputs = v.outputs().more([trained(theirs, Trial(name, HYPOTHESIS, reading.words, reading.changes))])
    return asked.result(outputs)


SLIP = Alternative({"gradient_accumulation_steps": 1}, "it was not applied")
OPEN = Alternative({"packing": False}, "no file says it", open=True)


def test_a_declared_setting_that_was_not_applied_stays_diverged_and_is_named() -> None:
    files = v.without(moved(0.3), v.event_path())
    result = judged(files, SLIP, files)
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest == "identical with gradient_accumulation_steps = 1"
    assert result.why.startswith("The committed files are identical with gradient_accumulation_steps = 1. ")
    (row,) = result.controls
    assert (row.says, row.role, row.verdict) == (
        "gradient_accumulation_steps = 1",
        HYPOTHESIS,
        Verdict.IDENTICAL,
    )
    assert row.to_committed == 0.0
    assert row.to_rerun == pytest.approx(0.3 / 1.3, rel=1e-5)


def test_a_reading_that_no_file_decides_is_as_honest() -> None:
    files = v.without(moved(0.3), v.event_path())
    result = judged(files, OPEN, files)
    assert result.verdict is Verdict.IDENTICAL
    assert result.nearest == "identical with packing = False"
    assert result.why.endswith("With packing = False, which no file decides.")
    assert result.plan.settings["packing"].value is False


def test_a_reading_that_does_not_fit_changes_nothing() -> None:
    files = v.without(moved(0.3), v.event_path())
    result = judged(files, SLIP, moved(0.9))
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest is None
    assert result.controls[0].verdict is Verdict.DIVERGED


def test_the_control_that_is_clearly_nearer_names_the_suspicion() -> None:
    """Committed at 1.3, the control at 1.31, the declared recipe at 1: 0.0076 against 0.23."""
    files = v.without(moved(0.3), v.event_path())
    trial = Trial("control-rate", CONTROL, "learning_rate x 1.1", {"learning_rate": 0.0022})
    result = search(files, controls=True).result(v.outputs().more([trained(moved(0.31), trial)]))
    assert result.nearest == "looks like learning_rate x 1.1"
    assert result.why.endswith("It looks like learning_rate x 1.1.")
    far = search(files).result(v.outputs().more([trained(moved(0.6), trial)]))
    assert far.nearest is None


@pytest.mark.parametrize(("share", "named"), [(0.3 * 1.001, True), (0.46, True), (0.48, False)])
def test_a_control_at_half_the_distance_is_nearer(share: float, *, named: bool) -> None:
    """Half of 0.23 is 0.115; the controls lie 2e-4, 0.16 / 1.46 = 0.110 and 0.18 / 1.48 = 0.122 away."""
    files = v.without(moved(0.3), v.event_path())
    trial = Trial("control-rate", CONTROL, "learning_rate x 1.1", {"learning_rate": 0.0022})
    result = search(files, controls=True).result(v.outputs().more([trained(moved(share), trial)]))
    assert (result.nearest == "looks like learning_rate x 1.1") is named
    assert "bit for bit those of" not in result.why


def noise(share: float) -> v.Files:
    """The fixture with every lora_B turned a little: a floor of the size that bf16 compute has."""

    def edit(name: str, array: NDArray[Any]) -> Any:
        if "lora_B" not in name:
            return array
        draw = numpy.random.default_rng(len(name)).normal(size=array.shape)
        return (array + share * numpy.linalg.norm(array) * draw / numpy.linalg.norm(draw)).astype("f4")

    files = v.committed()
    return {**files, **{path: v.with_tensors(files[path], edit) for path in v.WEIGHTS}}


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (0.9, Verdict.CONSISTENT),
        (0.24, Verdict.CONSISTENT),
        (0.21, Verdict.INCONCLUSIVE),
        (0.1, Verdict.INCONCLUSIVE),
    ],
)
def test_under_a_loud_floor_weights_must_beat_every_control(control: float, expected: Verdict) -> None:
    """A floor of 0.1 hides small lies; 0.048 away is three times nearer than 0.143 is.

    dW x 1.05 is 0.05 / 1.05 from dW; from dW x 1.9 it is 0.85 / 1.9, from dW x 1.24 it is 0.19 / 1.24 = 0.153, from
    dW x 1.21 it is 0.16 / 1.21 = 0.132, from dW x 1.1 it is 0.05 / 1.1.
    """
    files = v.without(
        {**v.committed(), **{p: moved(0.05)[p] for p in v.WEIGHTS}}, v.event_path(), *v.OPTIMIZERS
    )
    run = v.run_of(files)
    outputs = replace(v.outputs(), variations=(v.output(noise(0.1), "variation", "another kernel"),))
    trial = Trial("control-seed", CONTROL, "another seed", {"seed": 43})
    outputs = outputs.more([trained(moved(control), trial)])
    found = judge(run, build(run), v.plan_of_fixture(), outputs)
    assert {item.verdict for item in found.aspects if item.aspect == "weights"} == {expected}


@pytest.mark.parametrize(("reading", "expected"), [(OPEN, Verdict.CONSISTENT), (SLIP, Verdict.DIVERGED)])
def test_under_a_loud_floor_an_open_reading_is_believed_as_the_declared_recipe_is(
    reading: Alternative, expected: Verdict
) -> None:
    """dW x 1.9 is 0.9 / 1.9 from the declared recipe's dW, beyond three floors of 0.1; from the reading's dW x 1.85 it
    is 0.05 / 1.9, and from the control's dW x 3 it is 1.1 / 3.
    """
    files = v.without(
        {**v.committed(), **{p: moved(0.9)[p] for p in v.WEIGHTS}}, v.event_path(), *v.OPTIMIZERS
    )
    asked = search(files, replace(v.plan_of_fixture(), alternatives=(reading,)))
    (name,) = asked.readings
    outputs = replace(v.outputs(), variations=(v.output(noise(0.1), "variation", "another kernel"),)).more(
        [
            trained(moved(2.0), Trial("control-seed", CONTROL, "another seed", {"seed": 43})),
            trained(moved(0.85), Trial(name, HYPOTHESIS, reading.words, reading.changes)),
        ]
    )
    result = asked.result(outputs)
    assert result.verdict is expected
    assert (result.nearest == "consistent with packing = False") is reading.open
    assert result.controls[-1].verdict is Verdict.CONSISTENT


@pytest.mark.parametrize(
    ("floor", "expected"), [(0.0145, Verdict.EQUIVALENT), (0.0155, Verdict.INCONCLUSIVE)]
)
def test_a_floor_of_the_weights_is_loud_where_three_of_it_hide_a_rate(
    floor: float, expected: Verdict
) -> None:
    """A learning rate 3 % off moves the update by 0.032 in 12 steps, so 0.01 of noise decides nothing from 0.015 on."""
    run = v.run_of(v.without(moved(0.01), v.event_path(), *v.OPTIMIZERS))
    variation = v.output(moved(floor / (1 - floor)), "variation", "another kernel")
    found = judge(run, build(run), v.plan_of_fixture(), v.outputs(variation=variation))
    assert {item.verdict for item in found.aspects if item.aspect == "weights"} == {expected}
    assert found.floor == pytest.approx(floor, rel=1e-3)


def test_distances_are_those_of_the_last_moment() -> None:
    files = v.committed()
    last = {path: moved(0.5)[path] for path in (v.WEIGHTS[0], v.WEIGHTS[2])}
    other = v.output({**files, **last})
    assert to_committed(v.run_of(files), v.plan_of_fixture(), other) == pytest.approx(0.5 / 1.5, rel=1e-5)
    assert to_rerun(other, v.output(files)) == pytest.approx(0.5 / 1.5, rel=1e-5)
    assert to_rerun(v.output({}), v.output(files)) is None


def test_outputs_sort_trials_by_their_role() -> None:
    made = Outputs(v.output(v.committed())).more(
        [trained(v.committed(), Trial("a", CONTROL)), trained(v.committed(), Trial("b", HYPOTHESIS))]
    )
    assert ([item.name for item in made.controls], [item.name for item in made.hypotheses]) == (["a"], ["b"])


def test_weights_that_are_a_controls_to_the_last_bit_are_not_the_recipes() -> None:
    """A floor of 0.5 would hide the difference of 0.3 / 1.3; equal bits under another rate do not."""
    files = v.without(
        {**v.committed(), **{p: moved(0.3)[p] for p in v.WEIGHTS}}, v.event_path(), *v.OPTIMIZERS
    )
    outputs = replace(v.outputs(), variations=(v.output(noise(0.5), "variation", "another kernel"),))
    trial = Trial("control-rate", CONTROL, "learning_rate x 1.1", {"learning_rate": 0.0022})
    asked = search(files)
    assert {trial.role for trial in asked(outputs)} == {CONTROL}
    weights = [item.verdict for item in asked.result(outputs).aspects if item.aspect == "weights"]
    assert set(weights) == {Verdict.INCONCLUSIVE}
    result = asked.result(outputs.more([trained(moved(0.3), trial)]))
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest == "looks like learning_rate x 1.1"
    assert result.why == (
        "The committed weights are bit for bit those of learning_rate x 1.1, and not of the declared recipe."
    )


def test_a_reading_that_was_not_tried_accuses_nobody() -> None:
    """Weights 0.3 off: a divergence, unless rows may have been packed otherwise and nobody looked."""
    files = v.without(
        {**v.committed(), **{p: moved(0.3)[p] for p in v.WEIGHTS}}, v.event_path(), *v.OPTIMIZERS
    )
    plan = replace(v.plan_of_fixture(), alternatives=(OPEN,))
    result = search(files, plan, controls=False, hypotheses=False).result(v.outputs())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why.endswith("But no file decides packing = False, which was not tried.")
    assert not any(item.verdict is Verdict.DIVERGED for item in result.aspects)
    (said,) = rerun_diverged(result)
    assert isinstance(said, Skip)
    decided = replace(plan, alternatives=(SLIP,))
    assert search(files, decided, controls=False, hypotheses=False).result(v.outputs()).verdict is (
        Verdict.DIVERGED
    )
    swapped = {**files, "checkpoint-9/scheduler.pt": v.committed()["checkpoint-18/scheduler.pt"]}
    assert search(swapped, plan, controls=False, hypotheses=False).result(v.outputs()).verdict is (
        Verdict.DIVERGED
    )


def test_an_open_reading_beyond_those_that_are_tried_accuses_nobody() -> None:
    files = v.without(moved(0.3), v.event_path(), *v.OPTIMIZERS)
    likely = tuple(Alternative({"seed": number}, "no file says it", open=True) for number in range(MOST + 1))
    asked, outputs = (
        search(files, replace(v.plan_of_fixture(), alternatives=likely), controls=False),
        v.outputs(),
    )
    while trials := asked(outputs):
        outputs = outputs.more([trained(moved(0.9), trial) for trial in trials])
    assert len(outputs.hypotheses) == MOST
    result = asked.result(outputs)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why.endswith(f"But no file decides seed = {MOST}, which was not tried.")


def test_a_reading_that_could_not_be_trained_is_asked_for_once_and_stays_open() -> None:
    files = v.without(moved(0.3), v.event_path(), *v.OPTIMIZERS)
    other = replace(OPEN, changes={"seed": 100})
    asked = search(files, replace(v.plan_of_fixture(), alternatives=(OPEN, other)), controls=False)
    (first,) = asked(v.outputs())
    assert dict(first.changes) == dict(OPEN.changes)
    outputs = replace(v.outputs(), failed=(first.name,))
    (second,) = asked(outputs)
    assert dict(second.changes) == dict(other.changes)
    outputs = outputs.more([trained(v.committed(), second)])
    assert not asked(outputs)
    result = asked.result(outputs)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why.endswith("But no file decides packing = False, which was not tried.")


def test_trainings_that_fail_count_among_those_that_are_tried() -> None:
    files = v.without(moved(0.3), v.event_path())
    many = tuple(Alternative({"seed": seed}, "no file says it", open=True) for seed in range(100, 112))
    asked = search(files, replace(v.plan_of_fixture(), alternatives=many), controls=False)
    failed: tuple[str, ...] = ()
    while trials := asked(replace(v.outputs(), failed=failed)):
        failed = (*failed, *(trial.name for trial in trials))
    assert len(failed) == 10


def test_equal_moments_leave_no_reading_open() -> None:
    """optimizer.pt is the rerun's bit for bit, so the gradients were too: no other recipe made them."""
    likely = (Alternative({"seed": 1}, "no file says it", open=True),)
    plan = replace(v.plan_of_fixture(), alternatives=likely)
    asked = search(v.without(moved(0.3), v.event_path()), plan, controls=False)
    assert asked.result(v.outputs()).verdict is Verdict.DIVERGED
    without = search(v.without(moved(0.3), v.event_path(), *v.OPTIMIZERS), plan, controls=False)
    assert without.result(v.outputs()).verdict is Verdict.INCONCLUSIVE


def test_a_control_that_trains_the_same_bits_is_none() -> None:
    """A segment's scheduler is that of its checkpoint, so another rate changes nothing there."""
    files = v.committed()
    files[v.WEIGHTS[0]] = moved(1.0)[v.WEIGHTS[0]]
    same = trained(v.committed(), Trial("control-rate", CONTROL, "learning_rate x 1.1"))
    made = replace(v.outputs(), controls=(same,))
    result = search(files).result(made)
    assert result.verdict is Verdict.DIVERGED
    assert (result.nearest, result.controls) == (None, ())


@pytest.mark.parametrize("kind", ["earlier", "mean"])
def test_a_published_adapter_made_of_checkpoints_is_said_to_be(kind: str) -> None:
    """The rerun has lora_B x 2 at step 9 and lora_B at step 18; the published adapter is the first's, or halfway."""
    honest = v.committed()
    honest[v.WEIGHTS[1]] = v.scaled(honest, 1.0, v.WEIGHTS[:1])[v.WEIGHTS[0]]
    root = {"earlier": 1.0, "mean": 0.5}[kind]
    files = {**honest, v.WEIGHTS[0]: v.scaled(honest, root, v.WEIGHTS[:1])[v.WEIGHTS[0]]}
    near = trained(v.scaled(honest, root, v.WEIGHTS[:1]), Trial("control-row", CONTROL, "row 0 replaced"))
    result = search(files).result(replace(v.outputs(honest), controls=(near,)))
    words = {"earlier": "checkpoint-9's", "mean": "the mean of checkpoint-9 and checkpoint-18"}[kind]
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest == f"the published adapter is {words}"
    assert result.why.endswith(f" The published adapter is {words}.")


@pytest.mark.parametrize(("beside", "told"), [(2e-7, True), (2e-6, False)])
def test_a_mean_is_one_up_to_what_adding_rounds(beside: float, *, told: bool) -> None:
    files = v.committed()
    files[v.WEIGHTS[1]] = v.scaled(files, 1.0, v.WEIGHTS[:1])[v.WEIGHTS[0]]
    files[v.WEIGHTS[0]] = v.scaled(files, 0.5 + 1.5 * beside, v.WEIGHTS[:1])[v.WEIGHTS[0]]
    found = origin(v.run_of(files))
    assert found == ("the mean of checkpoint-9 and checkpoint-18" if told else None)


def test_no_control_is_named_where_a_checkpoint_agrees() -> None:
    files = {**v.committed(), v.WEIGHTS[0]: moved(1.0)[v.WEIGHTS[0]]}
    near = trained(moved(1.1), Trial("control-row", CONTROL, "row 0 replaced"))
    result = search(files).result(replace(v.outputs(), controls=(near,)))
    assert (result.verdict, result.nearest) == (Verdict.DIVERGED, None)


def test_weights_of_other_tensors_are_near_to_nothing() -> None:
    """Another release names the modules otherwise: no distance is a number, so neither recipe nor control is near."""
    renamed = {
        path: v.renamed(v.committed()[path], lambda name: name.replace("language_model.", "", 1))
        for path in v.WEIGHTS
    }
    files = v.without({**v.committed(), **renamed}, v.event_path(), *v.OPTIMIZERS)
    trial = Trial("control-seed", CONTROL, "another seed", {"seed": 43})
    outputs = v.outputs().more([trained(moved(0.9), trial)])
    asked = search(files)
    assert asked.result(outputs).nearest is None
    older = VersionRange("0.12.0", "0.13.2")
    asked.ledger = Ledger(".", {}).with_evidence(
        (Evidence("peft_version", Status.VERIFIED, "", value=older),)
    )
    found = asked.result(outputs)
    assert {item.verdict for item in found.aspects if item.aspect == "weights"} == {Verdict.INCONCLUSIVE}
    assert "inf" not in found.why
