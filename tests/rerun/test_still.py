"""A script that trains lora_B alone: the optimizer and the tensors tell it together, and one of them alone does not."""

import io
import math
from collections.abc import Callable

import pytest

from auditor.model import Verdict
from auditor.rerun.judging.still import kept_still
from tests.rerun import variants as v
from tests.rerun.test_unsaid import RATE, SHAPE, WEIGHTS, judged

pytestmark = pytest.mark.rerun
OPTIMIZER = judged("optimizer", math.inf)
RANK = 8
"""Of the fixture's adapter: the first dimension of every lora_A."""


def lora_b_alone(shape: tuple[int, ...]) -> bool:
    return shape[0] != RANK


def with_states(files: v.Files, keep: Callable[[tuple[int, ...]], bool]) -> v.Files:
    """Both optimizers without the moments of the tensors whose shape is not kept."""
    import torch

    found = dict(files)
    for path in v.OPTIMIZERS:
        document = torch.load(io.BytesIO(files[path]), weights_only=True)
        states = document["state"]
        document["state"] = {at: one for at, one in states.items() if keep(tuple(one["exp_avg"].shape))}
        buffer = io.BytesIO()
        torch.save(document, buffer)
        found[path] = buffer.getvalue()
    return found


def by_a_script(files: v.Files) -> v.Files:
    return v.without(files, "cheetah-fine-tuning-config.json")


def open_ones(files: v.Files) -> list[bool]:
    """`v.output` takes the fixture's own adapter for the first one, so lora_B that are scaled have moved."""
    run, ours = v.run_of(files), v.output(v.committed())
    found = kept_still([WEIGHTS, OPTIMIZER, RATE, SHAPE], run, ours)
    return [item.verdict is Verdict.INCONCLUSIVE for item in found]


def moved() -> v.Files:
    """The first adapter in every copy, but for its 14 lora_B."""
    files = v.committed()
    return v.scaled({**files, **dict.fromkeys(v.WEIGHTS, files[v.WEIGHTS[0]])}, 0.5)


MOVED = by_a_script(moved())


def test_what_the_optimizer_steps_is_open_where_the_tensors_agree_with_it() -> None:
    files = with_states(MOVED, lora_b_alone)
    assert open_ones(files) == [True, True, False, False]
    (found,) = kept_still([WEIGHTS], v.run_of(files), v.output(v.committed()))
    assert found.why == (
        f"{WEIGHTS.gap.says}; but checkpoint-9/optimizer.pt has the state of 14 of 28 tensors, and the others still "
        "hold the numbers that they began with, so the script kept them still, which no setting tells"
    )


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(MOVED, id="the optimizer has them all"),
        pytest.param(with_states(moved(), lora_b_alone), id="a platform"),
        pytest.param(by_a_script(with_states(v.committed(), lora_b_alone)), id="nothing moved"),
        pytest.param(
            by_a_script(with_states({**moved(), v.WEIGHTS[0]: v.committed()[v.WEIGHTS[0]]}, lora_b_alone)),
            id="one copy moved",
        ),
    ],
)
def test_one_of_them_alone_excuses_nothing(files: v.Files) -> None:
    assert open_ones(files) == [False] * 4
