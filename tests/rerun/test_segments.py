"""Spans chosen from what was committed, and segments that go on from a committed checkpoint, bit for bit."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.claims import build
from auditor.errors import CannotRead, IncompleteError, UsageError
from auditor.model import RerunResult, Span, Verdict
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import resume, spans
from auditor.rerun.session import rerun
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

FIRST, LAST = Span(0, 9), Span(9, 18, "checkpoint-9")


@pytest.mark.parametrize(
    ("budget", "asked", "expected"),
    [
        (18, "auto", ("whole", (Span(0, 18),))),
        (17, "auto", ("segments", (LAST,))),  # 9 + 9 steps do not fit; the last ends in what is published
        (9, "auto", ("segments", (LAST,))),
        (8, "auto", ("prefix", (Span(0, 8),))),
        (9, "prefix", ("prefix", (FIRST,))),
        (18, "segments", ("segments", (FIRST, LAST))),
        (5, "whole", ("whole", (Span(0, 18),))),
        (5, "9..12", ("segments", (Span(9, 12, "checkpoint-9"),))),
        (5, "0..4", ("segments", (Span(0, 4),))),
    ],
)
def test_the_most_is_chosen_for_the_budget(
    budget: int, asked: str, expected: tuple[str, tuple[Span, ...]]
) -> None:
    assert spans.choose(v.run_of(v.committed()), 18, budget, asked) == expected


def test_between_the_last_and_the_first_those_that_cover_most_are_chosen() -> None:
    """Of 3, 5 and 4 steps nine are 5 and 4; in their order 3 and 5 would be taken, eight."""
    known = [Span(a, b) for a, b in ((0, 2), (2, 5), (5, 10), (10, 14), (14, 16))]
    assert [(span.start, span.stop) for span in spans._fitting(known, 2 + 9 + 2)] == [
        (0, 2),
        (5, 10),
        (10, 14),
        (14, 16),
    ]
    assert list(spans._fitting(known, 1)) == []
    assert list(spans._fitting(known, 2)) == [known[-1]]
    assert list(spans._fitting(known[:1], 2)) == known[:1]
    assert list(spans._fitting(known, 16)) == known


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("most", "there is no span 'most'"),
        ("12..9", "12..9 are no steps of this run, which has 18"),
        ("9..19", "9..19 are no steps of this run, which has 18"),
        ("4..9", "no checkpoint was committed at step 4"),
    ],
)
def test_spans_that_this_run_does_not_allow(asked: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        spans.choose(v.run_of(v.committed()), 18, 18, asked)
    assert raised.value.message == says


def test_a_checkpoint_without_states_is_no_place_to_go_on_from() -> None:
    run = v.run_of(v.without(v.committed(), "checkpoint-9/optimizer.pt"))
    assert spans.segments(run, 18) == (FIRST,)
    with pytest.raises(UsageError) as raised:
        spans.choose(run, 18, 18, "9..18")
    assert raised.value.message == (
        "training cannot go on from step 9: checkpoint-9 has no readable optimizer.pt"
    )
    with pytest.raises(UsageError, match="no segment of this run fits 5 steps: checkpoint-9 has no readable"):
        spans.choose(run, 18, 5, "segments")


def test_a_share_of_the_steps_is_a_budget() -> None:
    run = v.run_of(v.committed())
    plan = planning.build(run, build(run), TINY_BASE, v.DATA, coverage=0.5)
    assert (plan.span, plan.parts, plan.steps) == ("segments", (LAST,), 9)
    assert plan.words == "steps 10 to 18 of 18, resumed from checkpoint-9"
    assert plan.coverage["steps"] == 0.5


def test_states_are_written_afresh_and_hold_what_was_committed(tmp_path: Path) -> None:
    """Read back with the safetensors library and json; the committed tensors come from the same library."""
    from safetensors.numpy import load, load_file

    files = v.committed()
    resume.write(v.run_of(files), LAST, tmp_path, {})
    written = load_file(tmp_path / resume.TENSORS)
    theirs = load(files["checkpoint-9/adapter_model.safetensors"])
    assert {name for name in written if name.startswith("adapter/")} == {f"adapter/{name}" for name in theirs}
    assert all(numpy.array_equal(written[f"adapter/{name}"], value) for name, value in theirs.items())
    states = json.loads((tmp_path / resume.STATES).read_text())
    assert states["scheduler"]["last_epoch"] == 9
    assert set(states["optimizer"]["steps"].values()) == {9.0}
    counters = {"global_step", "epoch", "total_flos", "num_input_tokens_seen", "train_batch_size"}
    assert set(states["state"]) == counters


def test_trained_biases_are_written_and_copies_of_the_base_are_not(tmp_path: Path) -> None:
    """PEFT saves a bias of a wrapped layer as base_layer.bias where it trains it (peft 0.21.2, save_and_load.py)."""
    from safetensors.numpy import load, load_file, save

    files, path = v.committed(), "checkpoint-9/adapter_model.safetensors"
    bias, copy = (f"base_model.model.q_proj.base_layer.{name}" for name in ("bias", "weight"))
    more = {bias: numpy.ones(3, "f4"), copy: numpy.ones((3, 3), "f4")}
    resume.write(v.run_of({**files, path: save({**load(files[path]), **more})}), LAST, tmp_path, {})
    written = load_file(tmp_path / resume.TENSORS)
    assert f"adapter/{bias}" in written
    assert f"adapter/{copy}" not in written


def test_bfloat16_moments_keep_their_bits(tmp_path: Path) -> None:
    """0x3F80 and 0xBFC0 are 1.0 and -1.5: bfloat16 is the upper half of float32 (IEEE 754 binary32)."""
    with (tmp_path / "x").open("wb") as stream:
        resume._write_safetensors(stream, {"a": ("BF16", (2,), lambda: numpy.array([1.0, -1.5], "<f4"))})
    assert (tmp_path / "x").read_bytes().endswith(b"\x80\x3f\xc0\xbf")


def test_a_tensor_smaller_than_it_says_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as stream, pytest.raises(CannotRead, match="with another size"):
        resume._write_safetensors(stream, {"a": ("F32", (3,), lambda: numpy.zeros(2, "<f4"))})


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="training cannot go on from checkpoint-7: it is not there"):
        resume.write(v.run_of(v.committed()), Span(7, 9, "checkpoint-7"), tmp_path, {})


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RerunOptions]:
    """Both tests ask the same question, which one cache answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield RerunOptions(base=TINY_BASE, data=v.DATA, repeats=1, span="segments", steps=18)


def judged(files: v.Files, options: RerunOptions) -> RerunResult:
    run = v.run_of(files)
    return rerun(run, build(run), options)


def verdicts(result: RerunResult, aspect: str) -> dict[str | None, Verdict]:
    return {item.at: item.verdict for item in result.aspects if item.aspect == aspect}


@pytest.fixture(scope="module")
def honest(options: RerunOptions, tmp_path_factory: pytest.TempPathFactory) -> v.Files:
    """The fixture as this machine trains it, so that bits can be compared wherever the tests run."""
    keep = tmp_path_factory.mktemp("whole") / "kept"
    judged(v.committed(), replace(options, span="whole", variation=False, keep=keep))
    files = v.without(v.committed(), v.event_path())
    for path in files:
        made = keep / "rerun" / path
        if path.rpartition("/")[2] not in ("README.md", "training_args.bin") and made.is_file():
            files[path] = made.read_bytes()
    return files


@pytest.mark.rerun
def test_both_segments_of_an_honest_run_are_identical(honest: v.Files, options: RerunOptions) -> None:
    result = judged(honest, options)
    assert result.plan.parts == (FIRST, LAST)
    others = [
        item for item in result.aspects if item.verdict not in (Verdict.INCONCLUSIVE, Verdict.IDENTICAL)
    ]
    assert others == []
    assert set(verdicts(result, "weights")) == set(v.WEIGHTS)
    assert set(verdicts(result, "optimizer")) == set(v.OPTIMIZERS)
    assert result.coverage is not None
    assert result.coverage["rows"] == 1.0
    assert result.verdict is Verdict.IDENTICAL


@pytest.mark.rerun
def test_a_segment_names_the_stretch_that_was_forged(honest: v.Files, options: RerunOptions) -> None:
    """Weights of the second half replaced: the first half is sound, the segment from checkpoint-9 is not."""

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return (array * numpy.float32(1.01)).astype("f4") if "lora_B" in name else array

    forged = {path: v.with_tensors(honest[path], edit) for path in (v.WEIGHTS[0], v.WEIGHTS[2])}
    result = judged({**honest, **forged}, options)
    assert verdicts(result, "weights") == {
        v.WEIGHTS[0]: Verdict.DIVERGED,
        v.WEIGHTS[1]: Verdict.IDENTICAL,
        v.WEIGHTS[2]: Verdict.DIVERGED,
    }


@pytest.mark.parametrize(
    ("name", "other", "says"),
    [
        ("trainer_state.json", "checkpoint-18/trainer_state.json", "checkpoint-9 holds the log of step 18"),
        ("optimizer.pt", "checkpoint-18/optimizer.pt", "the optimizer of checkpoint-9 was stepped 18 times"),
        ("scheduler.pt", "checkpoint-18/scheduler.pt", "the scheduler of checkpoint-9 was stepped 18 times"),
    ],
)
def test_states_of_another_moment_are_named(name: str, other: str, says: str) -> None:
    """A state that a checkpoint of step 9 cannot hold is no place to go on from."""
    files = v.committed()
    files[f"checkpoint-9/{name}"] = files[other]
    run = v.run_of(files)
    (folder,) = [item for item in run.checkpoints if item.step == 9]
    assert resume.why_not(run, folder) == says


def test_one_update_or_parameter_too_many_is_another_states() -> None:
    run = v.run_of(v.committed())
    (folder,) = [item for item in run.checkpoints if item.step == 9]
    optimizer, scheduler = folder.one(OptimizerState), folder.one(SchedulerState)
    weights = folder.one(AdapterWeights)
    assert optimizer is not None
    assert scheduler is not None
    assert weights is not None
    (first, *others) = optimizer.entries
    later = (ParamState(first.index, 10.0, first.tensors), *others)
    missing = len(weights.tensors) + 1 - len(optimizer.entries)
    more = (*optimizer.entries, *(ParamState(1000 + n, 9.0, first.tensors) for n in range(missing)))

    def of(entries: tuple[ParamState, ...]) -> OptimizerState:
        return OptimizerState(optimizer.path, entries, optimizer.param_groups, optimizer.archive)

    for state, says in (
        (of(later), "the optimizer of checkpoint-9 was stepped 10 times"),
        (replace(scheduler, last_epoch=10), "the scheduler of checkpoint-9 was stepped 10 times"),
        (of(more), "the optimizer of checkpoint-9 has more parameters than its adapter"),
    ):
        other = replace(folder, artifacts={**folder.artifacts, type(state): (state,)})
        assert resume.why_not(run, other) == says
