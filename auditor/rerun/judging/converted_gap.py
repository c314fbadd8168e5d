"""A published adapter that was converted for the plain base, against the rerun's that was not."""

import math

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.rewritten import from_conversion
from auditor.rerun.judging.gaps import Gap, Pair, missing
from auditor.runs import Folder

SAME_UPDATE = 1e-6
"""Relative distance below which two adapters do the same in another basis (compare/adapters.py)."""
Side = tuple[AdapterWeights, AdapterConfig]


def converted_gap(pair: Pair, theirs: Side, ours: Side, start: Folder | None) -> Gap:
    """How far it lies from the rerun's update minus that of its beginning. Raises CannotRead.

    Where the rerun did not begin at step 0 its beginning is not known.
    """
    path, how = theirs[0].path, f"it was converted for the plain base ({theirs[1].path}: r = {theirs[1].r})"
    first = start.one(AdapterWeights) if start is not None else None
    if first is None:
        return missing(
            "weights", pair, path, f"{how}, and the rerun has no adapter from before the first step"
        )
    found = from_conversion(*theirs, *ours, first)
    if not found:
        says = f"{how}, and has other modules or shapes than that of the rerun would have"
        return Gap("weights", pair.key, path, says, pair.step, distance=math.inf)
    apart, longest = (math.hypot(*values) for values in zip(*found.values(), strict=True))
    distance = (
        0.0 if apart == 0 else math.inf if not math.isfinite(apart) or longest == 0 else apart / longest
    )
    module = max(found, key=lambda name: found[name][0])
    says = f"{how}; the effective update is {distance:.2g} away, most in {module}"
    return Gap(
        "weights", pair.key, path, says, pair.step, distance=distance, slack=SAME_UPDATE, module=module
    )
