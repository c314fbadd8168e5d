"""Each thing a checkpoint and a log hold is falsified alone, on the committed fixture; the rerun is the fixture itself.

What training computes or the recipe decides is diverged. What neither decides is named, and accuses nobody.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from auditor.artifacts._base import Artifact
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.claims import Ledger
from auditor.model import Evidence, RerunResult, Status, Verdict, VersionRange
from auditor.rerun.judging.counters_gap import state_gap
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.states_gap import optimizer_gap, rng_gap, scheduler_gap
from auditor.rerun.judging.verdict import judge
from tests.rerun import variants as v

STATE, LAST = "checkpoint-9/trainer_state.json", "checkpoint-18/trainer_state.json"
LEDGER = Ledger(".", {}).with_evidence(
    (Evidence("transformers_version", Status.VERIFIED, "", value=VersionRange("5.23.0", "5.23.0")),)
)


def judged(files: v.Files) -> RerunResult:
    return judge(v.run_of(files), LEDGER, v.plan_of_fixture(), v.outputs())


def with_state(path: str = STATE, /, **changed: object) -> v.Files:
    return v.with_json(v.committed(), path, lambda document: document.update(changed))


def found(result: RerunResult, aspect: str, at: str) -> tuple[Verdict, str]:
    (item,) = (item for item in result.aspects if (item.aspect, item.at) == (aspect, at))
    return item.verdict, item.why


def test_every_key_of_a_state_is_told_of() -> None:
    """A key that a Trainer writes and nobody looks at would be a place to lie in."""
    known = json.loads(v.committed()[STATE])
    looked_at = {*known} - {"log_history", "total_flos", "num_input_tokens_seen"}  # aspects of their own
    changed = {
        key: (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else "x"
        for key, value in known.items()
        if key in looked_at - {"stateful_callbacks"}
    }
    honest = found(judged(v.committed()), "state", STATE)[1]
    for key, value in changed.items():
        result = judged(with_state(**{key: value}))
        told = {item.why for item in result.aspects if item.at == STATE} - {honest}
        assert any(key in says for says in told), key


def turned(flag: str, path: str) -> v.Files:
    def turn(document: dict[str, Any]) -> None:
        flags = document["stateful_callbacks"]["TrainerControl"]["args"]
        flags[flag] = not flags[flag]

    return v.with_json(v.committed(), path, turn)


@pytest.mark.parametrize("flag", ["should_epoch_stop", "should_save", "should_log"])
def test_flags_of_the_moment_of_saving_are_told_and_accuse_nobody(flag: str) -> None:
    """A callback of the user's own may set any of them."""
    verdict, why = found(judged(turned(flag, STATE)), "state", STATE)
    assert verdict is Verdict.EQUIVALENT
    assert f"stateful_callbacks: {flag} is " in why


def test_a_run_that_was_stopped_and_went_on_later_is_honest() -> None:
    verdict, why = found(judged(turned("should_training_stop", STATE)), "state", STATE)
    assert verdict is Verdict.IDENTICAL
    assert why.endswith(
        "should_training_stop is true: the run was stopped here, which a rerun does not repeat"
    )
    verdict, why = found(judged(turned("should_training_stop", LAST)), "state", LAST)
    assert verdict is Verdict.EQUIVALENT
    assert "should_training_stop is False at step 18, the rerun's True" in why


def test_the_end_of_a_span_is_no_end_of_the_run() -> None:
    """The rerun stops itself after step 9; the committed run went on."""
    stopped = {"TrainerControl": {"args": {"should_training_stop": True}, "attributes": {}}}
    ours = v.output(with_state(stateful_callbacks=stopped))
    outputs = replace(v.outputs(), rerun=ours)
    result = judge(v.run_of(v.committed()), LEDGER, v.plan_of_fixture(), outputs)
    assert found(result, "state", STATE)[0] is Verdict.IDENTICAL


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"best_metric": 0.5}, "best_metric is 0.5, and no row of the log evaluates anything"),
        ({"eval_steps": 7}, "eval_steps is 7, by checkpoint-9/training_args.bin 500"),
        ({"trial_name": "a"}, "trial_name of a search, which is_hyper_param_search denies"),
    ],
)
def test_what_nothing_explains_is_named_and_accuses_nobody(changed: dict[str, object], says: str) -> None:
    verdict, why = found(judged(with_state(**changed)), "state", STATE)
    assert verdict is Verdict.EQUIVALENT
    assert says in why


def test_what_an_honest_run_has_beside_it_stays_identical() -> None:
    """Evaluation, a search and other callbacks are not repeated, and no reason to doubt the counters."""

    def evaluated(document: dict[str, Any]) -> None:
        document["log_history"].append({"step": 9, "eval_loss": 6.0, "epoch": 0.5})
        document |= {"best_metric": 6.0, "best_global_step": 9, "is_hyper_param_search": True}
        document["stateful_callbacks"]["EarlyStoppingCallback"] = {"args": {}, "attributes": {}}
        document["of_another_release"] = 1

    verdict, why = found(judged(v.with_json(v.committed(), STATE, evaluated)), "state", STATE)
    assert verdict is Verdict.IDENTICAL
    assert why.endswith(
        "; evaluation is not repeated; is_hyper_param_search is true, and a search is not repeated; "
        "the state of EarlyStoppingCallback is not compared; "
        "not compared, because this training leaves no such key: of_another_release"
    )


def test_flops_of_the_last_row_and_of_the_event_file() -> None:
    def double(document: dict[str, Any]) -> None:
        document["log_history"][-1]["total_flos"] *= 2

    verdict, why = found(
        judged(v.with_json(v.committed(), "trainer_state.json", double)), "flops", "trainer_state.json"
    )
    assert verdict is Verdict.DIVERGED
    assert why == "total_flos is 3,325,722,624, the rerun's 1,662,861,312"  # 2 x 1,662,861,312
    assert (
        found(judged(v.committed()), "flops", v.event_path())[0] is Verdict.IDENTICAL
    )  # 2**18 x 6,343.3125, so float32 holds it


def with_mean(value: float) -> v.Files:
    def edit(document: dict[str, Any]) -> None:
        document["log_history"][-1]["train_loss"] = value

    return v.without(v.with_json(v.committed(), "trainer_state.json", edit), v.event_path())


def test_the_mean_loss_is_that_of_the_steps_or_of_those_since_a_checkpoint() -> None:
    """A run that was resumed after step 9 sums steps 10 to 18 and divides by 18 or, in release 5, by 9."""
    rows = json.loads(v.committed()["trainer_state.json"])["log_history"][:-1]
    since = math.fsum(row["loss"] for row in rows[9:])
    for honest in (since / 18, since / 9):
        assert found(judged(with_mean(honest)), "curve", "trainer_state.json")[0] >= Verdict.EQUIVALENT
    verdict, why = found(judged(with_mean(4.0)), "curve", "trainer_state.json")
    assert verdict is Verdict.DIVERGED
    assert "train_loss differs by up to 0.35 over 1 step: 4 for 6.18431 at step 18" in why


def test_a_row_taken_out_of_a_log_is_named() -> None:
    files = v.with_json(v.committed(), STATE, lambda document: document["log_history"].pop(3))
    verdict, why = found(judged(files), "curve", STATE)
    assert verdict is Verdict.EQUIVALENT
    assert "it has no row at step 4, where the rerun logs one" in why


def test_a_log_that_begins_later_has_no_holes() -> None:
    """The event file of a run that was resumed begins at the checkpoint."""
    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, lambda document: document["log_history"].__delitem__(slice(3)))
    assert found(judged(files), "curve", STATE) == (
        Verdict.IDENTICAL,
        "loss, learning_rate, grad_norm and epoch are equal at 6 steps",
    )


def test_what_nobody_computes_again_is_listed() -> None:
    def graded(row: dict[str, Any]) -> None:
        row["mean_token_accuracy"] = 0.5

    said = judged(v.with_log(v.committed(), v.STATES, graded)).does_not_prove
    assert (
        "Nothing was held against what logs say of mean_token_accuracy, train_runtime, train_samples_per_second, "
        "train_steps_per_second."
    ) in said


def gap_of(
    kind: type[Artifact], measure: Callable[[Pair], Gap | None], edit: Callable[[Any], Mapping[str, object]]
) -> Gap:
    """Checkpoint 9 with one parsed file edited, against itself."""
    run = v.run_of(v.committed())
    folder = run.checkpoints[0]
    (item,) = folder.all(kind)
    theirs = replace(folder, artifacts={**folder.artifacts, kind: (replaced(item, edit(item)),)})
    gap = measure(Pair("checkpoint-9", 9, theirs, folder, run.contents))
    assert gap is not None
    return gap


def replaced(item: Any, changes: Mapping[str, object]) -> Any:
    """A copy of a frozen object, dataclass or not, with some attributes changed."""
    import copy

    made = copy.copy(item)
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


def group(**changed: object) -> Callable[[Any], Mapping[str, object]]:
    return lambda item: {"param_groups": ({**item.param_groups[0], **changed}, *item.param_groups[1:])}


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (group(decoupled_weight_decay=False), "decoupled_weight_decay of group 0 is False, the rerun's True"),
        (
            group(params=[*range(1, 28), 0]),
            "group 0 holds other parameters than the rerun's, or in another order",
        ),
    ],
)
def test_settings_of_an_optimizer(edit: Callable[[Any], Mapping[str, object]], says: str) -> None:
    gap = gap_of(OptimizerState, optimizer_gap, edit)
    assert (gap.says, gap.distance) == (says, math.inf)


def test_another_kernel_of_an_optimizer_is_named() -> None:
    gap = gap_of(OptimizerState, optimizer_gap, group(fused=True))
    assert gap.says.endswith("; fused of group 0 is True, the rerun's None, which chooses a kernel")
    assert (gap.same, gap.distance) == (False, 0.0)


def test_steps_of_a_schedule() -> None:
    gap = gap_of(SchedulerState, scheduler_gap, lambda item: {"step_count": item.step_count + 1})
    assert (gap.says, gap.distance) == ("_step_count is 11, the rerun's 10", math.inf)
    whole = gap_of(SchedulerState, scheduler_gap, lambda _: {})
    assert whole.says == "last_epoch, _step_count, base_lrs and _last_lr are equal"
    old = gap_of(SchedulerState, scheduler_gap, lambda _: {"step_count": None})
    assert (old.same, old.says) == (True, "last_epoch, base_lrs and _last_lr are equal")


def test_a_generator_of_a_gpu_that_this_machine_lacks() -> None:
    gap = gap_of(RngState, rng_gap, lambda _: {"cuda": (bytes(16),)})
    assert gap.says.endswith("; a GPU's is committed, and this machine's training left none")
    assert (gap.same, gap.distance) == (False, 0.0)


def test_a_state_without_flags_is_compared_without_them() -> None:
    """Releases before 4.42 keep no stateful_callbacks."""
    files = v.with_json(v.committed(), STATE, lambda document: document.pop("stateful_callbacks"))
    run = v.run_of(files)
    gap = state_gap(
        Pair("checkpoint-9", 9, run.checkpoints[0], v.output(v.committed()).at("checkpoint-9"), run.contents)
    )
    assert gap is not None
    assert gap.same
    assert "TrainerControl" not in gap.says


def test_parameters_spread_over_groups_as_no_trainer_does() -> None:
    def spread(item: Any) -> Mapping[str, object]:
        one, two = item.param_groups
        return {"param_groups": ({**one, "params": [*range(14)]}, {**two, "params": [*range(14, 28)]})}

    assert gap_of(OptimizerState, optimizer_gap, spread).regrouped == (
        "groups of 14 and 14 parameters where the Trainer makes 28 and 0"
    )
    fewer = gap_of(OptimizerState, optimizer_gap, group(params=[*range(27)]))
    assert (fewer.regrouped, fewer.distance) == (None, math.inf)


def test_data_of_too_few_rows_are_told_by_the_epochs() -> None:
    """Half as many examples a pass, and the same steps are twice the epochs: 0.5 here where the run had 0.25."""
    verdict, why = found(judged(with_state(epoch=0.25)), "state", STATE)
    assert verdict is Verdict.DIVERGED
    assert why == (
        "epoch is 0.25, the rerun's 0.5: "
        "the data given makes fewer examples than the run had, or a step of it took fewer"
    )


def test_the_first_step_at_which_trainings_of_ours_differ_is_told() -> None:
    """By the digests of the adapter's tensors that each step leaves in the rerun's own folder."""

    def with_digests(*digests: int) -> v.Files:
        lines = [json.dumps({"step": step, "digests": {"a": digest}}) for step, digest in enumerate(digests)]
        return {**v.scaled(v.committed(), 0.1), "rerun_steps.jsonl": "\n".join(lines).encode()}

    outputs = v.outputs({**v.committed(), "rerun_steps.jsonl": with_digests(1, 2, 3, 4)["rerun_steps.jsonl"]})
    repeat = v.output(with_digests(1, 2, 7, 8), "repeat-1", "the same settings")
    result = judge(
        v.run_of(v.committed()),
        LEDGER,
        v.plan_of_fixture(),
        replace(outputs, repeats=(repeat,), variations=()),
    )
    # dW x 1.1 is 0.1 / 1.1 from dW
    assert result.repeats == ("the same settings: 0.091 away, apart from step 2 on",)
