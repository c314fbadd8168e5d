"""Generators that stand further in their stream, made with NumPy's own Mersenne Twister and by hand for a GPU."""

import math
import struct
from dataclasses import replace

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.rng_state import RngState
from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.draws import drawn_elsewhere, further
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.states_gap import rng_gap
from auditor.rerun.judging.summary import Judged
from tests.rerun import variants as v
from tests.rerun.test_unsaid import DRAWN, LATER, NORM, RATE, SCHEDULER, WEIGHTS


def cpu(draws: int, seed: int = 42) -> bytes:
    """torch's CPU generator after so many 32-bit numbers (CPUGeneratorImplStateLegacy), by numpy's RandomState."""
    made = numpy.random.RandomState(seed)
    made.randint(0, 2**32, size=draws, dtype=numpy.uint32)
    words, position = made.get_state(legacy=False)["state"].values()
    position = int(position)
    head = struct.pack("<Qiiq", seed, 624 - position + 1, 1, position)
    return head + numpy.asarray(words, "<u8").tobytes() + bytes(5056 - 24 - 624 * 8)


def state(draws: int, seed: int = 42, offset: int | None = None) -> RngState:
    found = v.run_of(v.committed()).checkpoints[0].one(RngState)
    assert found is not None
    cuda = () if offset is None else (struct.pack("<QQ", seed, offset),)
    return replace(found, cpu=cpu(draws, seed), cuda=cuda)


@pytest.mark.parametrize(("one", "two", "more"), [(1000, 700, 300), (700, 1000, -300), (5000, 4999, 1)])
def test_the_positions_of_one_stream_are_subtracted(one: int, two: int, more: int) -> None:
    assert further(state(one), state(two)) == more


def test_another_seed_has_no_position_in_common() -> None:
    assert further(state(1000, 43), state(700)) is None


def test_a_gpus_generator_tells_its_offset() -> None:
    assert further(state(700, offset=64), state(700, offset=48)) == 16
    assert further(state(700, 43, offset=64), replace(state(700, 43), cuda=())) is None


def drawn(more: int | None) -> Judged:
    gap = Gap("rng", "checkpoint-12", "a file", "it differs", 12, distance=math.inf, more=more)
    return Judged(gap, Verdict.DIVERGED, "outside", 0.0, None)


def plan(dropout: float) -> RerunPlan:
    known = v.plan_of_fixture()
    return replace(
        known,
        settings={**known.settings, "lora_dropout": replace(known.settings["lora_dropout"], value=dropout)},
    )


def test_what_something_else_drew_explains_what_comes_after() -> None:
    found = drawn_elsewhere([WEIGHTS, LATER, NORM, RATE, SCHEDULER, drawn(7)], plan(0.05))
    assert [item.verdict for item in found] == [
        *(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        *(Verdict.DIVERGED, Verdict.DIVERGED, Verdict.INCONCLUSIVE),
    ]
    assert "gave 7 numbers more than in this rerun" in found[0].why


def test_a_state_of_a_later_moment_is_no_draw() -> None:
    """Its own step and all that follows agree: more draws by then would have moved the weights after it."""
    later = Judged(replace(WEIGHTS.gap, step=24, distance=0.0), Verdict.IDENTICAL, "equal", 0.0, None)
    assert drawn_elsewhere([WEIGHTS, LATER, NORM, drawn(7), later], plan(0.05))[3].verdict is Verdict.DIVERGED


def test_a_draw_after_the_states_step_leaves_its_own_weights_alone() -> None:
    """Text sampled when step 12 was done: its weights agree, its generator and what follows do not."""
    same = Judged(replace(WEIGHTS.gap, step=12, distance=0.0), Verdict.IDENTICAL, "equal", 0.0, None)
    found = drawn_elsewhere([WEIGHTS, LATER, NORM, drawn(7), same], plan(0.05))
    assert [item.verdict for item in found[-2:]] == [Verdict.INCONCLUSIVE, Verdict.IDENTICAL]


def test_bits_that_agree_leave_edited_weights_unexplained() -> None:
    found = drawn_elsewhere([replace(WEIGHTS, proved=True), LATER, NORM, drawn(7)], plan(0.05))
    assert found[0].verdict is Verdict.DIVERGED


@pytest.mark.parametrize(
    ("gaps", "dropout"),
    [
        ([WEIGHTS, LATER, NORM, drawn(-7)], 0.05),  # less was drawn
        ([WEIGHTS, LATER, NORM, drawn(None)], 0.05),  # another seed
        ([WEIGHTS, LATER, NORM, drawn(7), drawn(None)], 0.05),
        ([WEIGHTS, LATER, NORM], 0.05),  # the generators agree
        ([WEIGHTS, LATER, DRAWN, drawn(7)], 0.05),  # the first masks are others already
        ([WEIGHTS, LATER, drawn(7)], 0.05),
        ([WEIGHTS, LATER, NORM, drawn(7)], 0.0),  # nothing depends on the generator
    ],
)
def test_nothing_else_is_explained_by_draws(gaps: list[Judged], dropout: float) -> None:
    assert {item.verdict for item in drawn_elsewhere(gaps, plan(dropout))} == {Verdict.DIVERGED}


@pytest.mark.parametrize(("draws", "told"), [(1000, False), (3 * 2 * 1024, True)])
def test_draws_for_more_ids_are_told_in_ids(draws: int, *, told: bool) -> None:
    """The fixture's adapted modules have 1,024 inputs in all: dropout draws two numbers each for an id."""
    run = v.run_of(v.committed())
    folder = run.checkpoints[0]
    weights = folder.one(AdapterWeights)
    assert weights is not None
    assert sum(pair.a.shape[1] for pair in weights.pairs().values() if pair.a) == 1024
    later = replace(folder, artifacts={**folder.artifacts, RngState: (state(500 + draws),)})
    ours = replace(folder, artifacts={**folder.artifacts, RngState: (state(500),)})
    gap = rng_gap(Pair("checkpoint-9", 9, later, ours, run.contents))
    assert gap is not None
    assert gap.more == draws
    assert ("as many draws more as dropout takes for +3 ids" in gap.says) is told
