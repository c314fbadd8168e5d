"""A base in a number type that no file tells: a gap of the size that another type makes is open, and nothing more."""

from dataclasses import replace

import pytest

from auditor.model import RerunPlan, Setting, Verdict
from auditor.rerun.judging.measured import Measured
from auditor.rerun.judging.rounded import rounded
from auditor.rerun.judging.summary import Judged
from auditor.rerun.outputs import Outputs
from auditor.rerun.trials import HYPOTHESIS, Trial
from auditor.runs import Run
from tests.rerun import variants as v
from tests.rerun.test_unsaid import RATE, SHAPE, judged

MOVED = 0.02
"""The other type's weights: dW = scaling B A, so lora_B x (1 + share) lie share / (1 + share) away from the rerun's."""
NEAR, FAR = judged("weights", 0.05), judged("weights", 0.07)
"""Within and beyond 3 x 0.02 / 1.02 = 0.0588."""
LOSS = judged("curve", 0.1, "loss", ((1, 0.015), (2, 0.1)))
OTHER_LOSS = judged("curve", 0.1, "loss", ((1, 0.06), (2, 0.1)))
NORM = judged("curve", 0.1, "grad_norm", ((1, 0.01), (2, 0.1)))
SAME_NORM = judged("curve", 0.1, "grad_norm", ((1, 0.0), (2, 0.1)))


def plan(assumed: bool = True) -> RerunPlan:
    known = v.plan_of_fixture()
    return replace(known, settings={**known.settings, "dtype": Setting("float32", "a test", assumed=assumed)})


def outputs(**changes: object) -> Outputs:
    """A reading whose losses and norms are a hundredth off: 3 x 0.01 / 1.01 is room for a first value 0.0297 off."""
    files = v.with_log(v.scaled(v.committed(), MOVED), v.STATES, _off)
    other = replace(v.output(files, "reading-1"), trial=Trial("reading-1", HYPOTHESIS, "", changes))
    return v.outputs().more([other])


def _off(row: dict[str, object]) -> None:
    for tag in ("loss", "grad_norm"):
        if isinstance(row.get(tag), float):
            row[tag] = 1.01 * float(str(row[tag]))


def run_at(share: float = 0.03) -> Run:
    """A run whose weights lie so far beyond the rerun's: the other type's, at 0.02, are nearer."""
    return v.run_of(v.scaled(v.committed(), share))


def open_ones(gaps: list[Judged], found: Outputs | None = None, assumed: bool = True) -> list[bool]:
    made = rounded(gaps, run_at(), plan(assumed), found or outputs(cast_to="bfloat16"), Measured())
    return [item.verdict is Verdict.INCONCLUSIVE for item in made]


def test_what_another_type_moves_as_far_is_open() -> None:
    assert open_ones([NEAR, LOSS, NORM, judged("optimizer", 0.3), RATE]) == [True] * 4 + [False]
    (found, *_) = rounded([NEAR, NORM], run_at(), plan(), outputs(dtype="bfloat16", cast_to=None), Measured())
    assert found.why == (
        "it differs; but no file says in which number type the base was loaded, and another one moves the weights by "
        "0.02, so a rounding of that size explains it"
    )


@pytest.mark.parametrize(
    "gaps",
    [
        pytest.param([FAR, LOSS, NORM], id="weights farther away"),
        pytest.param([NEAR, FAR, NORM], id="one checkpoint farther away"),
        pytest.param([SHAPE, NORM], id="other tensors"),
        pytest.param([LOSS, NORM], id="no weights"),
        pytest.param([NEAR, OTHER_LOSS, NORM], id="another first loss"),
        pytest.param([NEAR, SAME_NORM], id="it begins alike"),
        pytest.param([replace(NEAR, proved=True), NORM], id="other bits prove it"),
    ],
)
def test_nothing_else_is(gaps: list[Judged]) -> None:
    assert not any(
        item.verdict is Verdict.INCONCLUSIVE and item.gap.aspect == "weights" for item in _made(gaps)
    )
    assert _made(gaps)[0].verdict is Verdict.DIVERGED


def _made(gaps: list[Judged]) -> list[Judged]:
    return rounded(gaps, run_at(), plan(), outputs(cast_to="bfloat16"), Measured())


def test_a_type_that_a_file_tells_explains_nothing() -> None:
    assert open_ones([NEAR, NORM], assumed=False) == [False, False]


def test_no_other_reading_measures_a_rounding() -> None:
    assert open_ones([NEAR, NORM], outputs(cast_to="bfloat16", packing=False)) == [False, False]
    assert open_ones([NEAR, NORM], v.outputs()) == [False, False]


@pytest.mark.parametrize(("share", "expected"), [(0.0105, True), (0.0095, False), (-0.02, False)])
def test_what_lies_nearer_to_the_assumed_type_is_another_recipe(share: float, *, expected: bool) -> None:
    """dW x 1.02 is the other type's, dW the rerun's: in between they are as near at dW x 1.01."""
    made = rounded([NEAR, NORM], run_at(share), plan(), outputs(cast_to="bfloat16"), Measured())
    assert (made[0].verdict is Verdict.INCONCLUSIVE) is expected
