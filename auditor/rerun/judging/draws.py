"""A generator that stands further in its stream than the rerun's: something besides training drew from it.

A callback that samples text, a metric, an evaluation of the user's own take numbers from torch's generator between two
steps; every dropout mask after that is another. The state that is saved tells it: the same seed, a later position. Less
was drawn only where training itself drew less, which no callback explains.
"""

from collections.abc import Sequence

from auditor.artifacts.rng_state import RngState
from auditor.compare._generator_states import GeneratorsDescription, describe_generators
from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.opened import is_measured, opened
from auditor.rerun.judging.summary import Judged, begins_alike
from auditor.rerun.planning.extras import draws_by_width


def further(theirs: RngState, ours: RngState) -> int | None:
    """How many numbers more torch's generators gave after the same seed than the rerun's.

    Negative for fewer; None where the seeds are others or a position is not known. Counted are 32-bit numbers of the
    CPU's generator where these differ, else offsets of the GPU's Philox streams.
    """
    one, two = (describe_generators([state]) for state in (theirs, ours))
    if theirs.cpu != ours.cpu:
        first, second = _cpu(one), _cpu(two)
        same = first is not None and second is not None and first[0] == second[0]
        return first[1] - second[1] if same and first is not None and second is not None else None
    mine, other = (
        {(item.device, item.seed): item.offset for rank in found.ranks for item in rank.cuda}
        for found in (one, two)
    )
    if not mine or set(mine) != set(other):
        return None
    return sum(mine.values()) - sum(other.values())


def _cpu(found: GeneratorsDescription) -> tuple[int, int] | None:
    """(seed, draws) of torch's generator on the CPU."""
    for rank in found.ranks:
        for item in rank.generators:
            if item.name == "cpu" and item.seed is not None and item.draws is not None:
                return item.seed, item.draws
    return None


def drawn_elsewhere(judged: Sequence[Judged], plan: RerunPlan) -> list[Judged]:
    """The gaps, those that such draws explain as inconclusive: masks that began alike and were others later.

    A state that stands further while later weights agree is another moment's, and stays accused.
    """
    apart = [item for item in judged if item.gap.aspect == "rng" and item.verdict is Verdict.DIVERGED]
    more = [item.gap.more for item in apart if item.gap.more is not None and item.gap.more > 0]
    if not apart or len(more) < len(apart) or not draws_by_width(plan.settings) or not begins_alike(judged):
        return list(judged)
    if any(_agrees_after(item.gap.step or 0, judged) for item in apart):
        return list(judged)
    says = (
        f"torch's generator gave {min(more):,} numbers more than in this rerun by then, so something besides "
        "training drew from it (sampling, a metric), and dropout masks after that are others"
    )
    return [opened(item, says) if item.gap.aspect == "rng" or is_measured(item) else item for item in judged]


def _agrees_after(step: int, judged: Sequence[Judged]) -> bool:
    """Whether a later step's weights, moments or generators are what the rerun makes."""
    fits = (Verdict.IDENTICAL, Verdict.EQUIVALENT)
    return any(
        item.gap.aspect in ("weights", "optimizer", "rng")
        and item.verdict in fits
        and (item.gap.step or 0) > step
        for item in judged
    )
