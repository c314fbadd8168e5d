"""Counts that pads make larger, in runs that draw nothing for pads: what was trained is the same with them.

``total_flos`` counts the ids of every batch, pads included, while attention and loss leave pads out. Where dropout
draws for them too they change everything, and a search trains the widths that the count allows.
"""

from collections.abc import Sequence

from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.opened import opened
from auditor.rerun.judging.summary import Judged
from auditor.rerun.outputs import Output
from auditor.rerun.planning.extras import draws_by_width
from auditor.rerun.planning.padding import exact
from auditor.runs import Run


def padded(judged: Sequence[Judged], run: Run, plan: RerunPlan, rerun: Output) -> list[Judged]:
    """The gaps, larger counts as inconclusive where a width that people pad to gives them to the last id."""
    if draws_by_width(plan.settings) or not any(map(_counts_more, judged)):
        return list(judged)
    found = exact(run, plan, rerun)
    if found is None:
        return list(judged)
    says = f"with {found.words} the batches hold as many ids, and no file says how rows were padded"
    return [opened(item, says) if _counts_more(item) else item for item in judged]


def _counts_more(item: Judged) -> bool:
    """Whether an accusation is of a count that pads make larger, and of nothing else."""
    gap = item.gap
    more = gap.aspect in ("flops", "tokens") and (gap.ratio or 0.0) > 1
    return item.verdict is Verdict.DIVERGED and (more or gap.counters == ("num_input_tokens_seen",))
