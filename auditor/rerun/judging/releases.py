"""Files that leave several minor releases open: which differences another one of them makes, and which it cannot.

A minor release may train the same recipe otherwise. Known, with what they do to a plain causal model:

* transformers 4.46 divides the loss of all micro-batches by the number of labels in them, where earlier releases took
  the mean of each (trainer.py, ``num_items_in_batch``; pull requests 34191 and 34198). Models that do not take that
  number went on as before, multimodal ones until 4.53, and log the sum over micro-batches (``accepts_loss_kwargs``).
* transformers 4.46 to 5.9 count every label, 5.10 those that are predicted: losses and gradients are larger by one part
  in the length of a row (trainer.py, ``_get_num_items_in_batch``; pull request 46204).
* peft 0.11 keeps adapters of a half-precision base in float32 (``autocast_adapter_dtype``; pull request 1706).
* Attention, rotary embeddings and masks were rewritten several times, in another order of the same sums.

What they have in common: they act on every batch, so the first gradient norm differs already (the first loss may not),
and the optimizer's normalisation leaves little of it in the weights. `benchmarks/minors.py` measures it (12 steps of
AdamW, a tiny Llama): first loss up to 0.035, moments up to 0.07, update up to 0.0054 within 4.46 to 5.24 and 0.053
across 4.46, the generator always in the same state. So a run whose first values agree was not trained by another
arithmetic, and one that lies farther away than `REACH` was not either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.claims import Ledger
from auditor.model import RerunPlan, Verdict, VersionRange, version_key
from auditor.rerun.judging.summary import Judged, begins_alike
from auditor.runs import Run

REACH: Mapping[str, float] = {"curve": 0.25, "weights": 0.05, "optimizer": 0.25}
"""Relative distances that another minor release reaches at most, by aspect: for weights ten times what was measured,
for the others a row of four labels, of which three are predicted."""
AVERAGED = 0.5
"""The same for weights and moments where the mean of micro-batches may have been taken otherwise: rows may differ in
length by far more than those that were measured."""
_AVERAGED_UNTIL = ((4, 46), (4, 53))
"""For models of text alone; for all others, and where the base is not known."""
SAME_BITS_SINCE: Mapping[str, tuple[int, int]] = {"transformers": (5, 10)}
"""The minor from which on all train alike: 5.15, 5.20 and 5.24 give 5.23's bits (benchmarks/minors.py). Files of a run
without an event file say "5.23.0 or newer", which would excuse a base or a row slightly edited."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """That another minor release may have made the run; ``reach`` is how far one goes, by aspect."""

    says: str
    reach: Mapping[str, float]


def unsettled(
    run: Run, ledger: Ledger, plan: RerunPlan, environment: Mapping[str, object]
) -> Unsettled | None:
    """Which minors the files leave open besides the one here; None where they prove the one."""
    names = ("transformers", *(("peft",) if run.all(AdapterConfig) else ()))
    for name in names:
        wrote, here = ledger.derived(f"{name}_version"), used(environment, name)
        span = wrote if isinstance(wrote, VersionRange) else VersionRange(None, None)
        if here is None or _is_one(span) or _train_alike(name, span, here):
            continue
        known = (
            f"files prove only that {name} {span} made the run"
            if span.low or span.high
            else f"no file proves which {name} made the run"
        )
        says = (
            f"{known} and this rerun used {here}; another minor release may scale losses and gradients "
            f"otherwise (--environment recorded trains with the likeliest, {name}==X.Y.Z with another)"
        )
        return Unsettled(says, _reach(name, span, plan, run))
    return None


def used(environment: Mapping[str, object], name: str) -> str | None:
    """The release of a library that trained here."""
    versions = environment.get("versions")
    found = versions.get(name) if isinstance(versions, Mapping) else None
    return found if isinstance(found, str) else None


def _is_one(span: VersionRange) -> bool:
    return bool(span.low and span.high) and minor(str(span.low)) == minor(str(span.high))


def _train_alike(name: str, span: VersionRange, here: str) -> bool:
    """Whether every release of the range trains the same bits as the one here, as far as releases are known."""
    since = SAME_BITS_SINCE.get(name)
    return since is not None and min(minor(span.low or "0"), minor(here)) >= since


def minor(version: str) -> tuple[int, ...]:
    """The first two numbers of a release."""
    return version_key(version)[:2]


def _reach(name: str, span: VersionRange, plan: RerunPlan, run: Run) -> Mapping[str, float]:
    accumulation = plan.settings.get("gradient_accumulation_steps")
    several = accumulation is not None and isinstance(accumulation.value, int) and accumulation.value > 1
    plain = run.base is not None and not run.base.is_multimodal
    until = _AVERAGED_UNTIL[0] if plain else _AVERAGED_UNTIL[1]
    before = span.low is None or minor(span.low) < until
    if name == "transformers" and several and before and not _packed(plan):
        return {**REACH, "weights": AVERAGED, "optimizer": AVERAGED}
    return REACH


def _packed(plan: RerunPlan) -> bool:
    packing = plan.settings.get("packing")
    return packing is not None and packing.value is True


def left_open(
    judged: Sequence[Judged], other: Unsettled | None, beaten: Callable[[Judged], str | None]
) -> list[Judged]:
    """The gaps, those that another minor release may explain as inconclusive.

    ``beaten`` gives a clause where the weights lie nearer to the declared recipe than to every control: then they are
    consistent.
    """
    if other is None or begins_alike(judged) or any(_is_beyond(item, other) for item in judged):
        return list(judged)
    return [_open(item, other, beaten) for item in judged]


def _is_beyond(item: Judged, other: Unsettled) -> bool:
    """Whether weights lie farther away than any release takes them: then what differs beside them is theirs too."""
    gap = item.gap
    far = gap.distance is not None and gap.distance > other.reach["weights"]
    return item.verdict is Verdict.DIVERGED and gap.aspect == "weights" and far


def _open(item: Judged, other: Unsettled, beaten: Callable[[Judged], str | None]) -> Judged:
    gap = item.gap
    if item.verdict is not Verdict.DIVERGED or not gap.noisy or gap.distance is None:
        return item
    apart = gap.distance if gap.convention is None else min(gap.distance, gap.convention[1])
    if apart > other.reach.get(gap.aspect, 0.0):
        return item
    clause = beaten(item)
    if clause is not None:
        return replace(item, verdict=Verdict.CONSISTENT, why=gap.says + clause)
    return replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{gap.says}; but {other.says}")
