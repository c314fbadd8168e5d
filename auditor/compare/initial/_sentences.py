"""A proof about a seed, and the words for it."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.compare.initial._begun import Begun

PROVED, CONSISTENT, UNREACHED, INCONCLUSIVE = "proved", "consistent", "unreached", "inconclusive"
CHOSEN = 100_000
"""Seeds below are taken for chosen: torch's generator begins with 64 random bits until it is seeded (torch 2.13.0,
ATen/CPUGeneratorImpl.cpp ``getDefaultCPUGenerator``), whose low 32 are below once in 43,000 processes."""
UNCHOSEN = "torch gives itself such a seed while nobody sets one"
ELSEWHERE = "the initial values are none that torch's CPU generator draws: a GPU or another library drew them"
CAUSES = (
    "the adapter was drawn before the seed was set, after more numbers than were looked through, by another seed, "
    "on a GPU or in another number type, or it continues an earlier adapter"
)


@dataclass(frozen=True, slots=True)
class SeedProof:
    """What is known of the seed that drew an adapter.

    ``verdict`` is ``proved`` (modules never trained hold the replayed numbers), ``consistent`` (trained modules
    remember them), ``unreached`` (initial values are still there and another seed or none explains them) or
    ``inconclusive``. ``proved`` of ``tested`` modules are explained: the untrained ones when the verdict is proved,
    else the trained ones. ``correlation`` is the mean over the modules that are explained, ``next_best`` the largest of
    other seeds; both lie in -1..1 and are None when nothing was compared. ``odds`` is log10 of a bound on the
    probability that chance explains as much. ``drawn_before`` counts the 32-bit words drawn between the seed and the
    adapter. ``other`` is another seed that explains the values. ``says`` is a sentence without full stop, ``why`` more
    words. ``begun`` are the modules whose first numbers are known, by whichever seed.
    """

    verdict: str
    seed: int | None
    proved: int = 0
    tested: int = 0
    correlation: float | None = None
    next_best: float | None = None
    odds: float | None = None
    says: str = ""
    why: str = ""
    drawn_before: int = 0
    other: int | None = None
    begun: "tuple[Begun, ...]" = field(default=(), compare=False, repr=False)


def inconclusive(seed: int | None, why: str) -> SeedProof:
    """Nothing can be said, and why."""
    return SeedProof(INCONCLUSIVE, seed, says=f"inconclusive: {why}", why=why)


def sentence(proof: SeedProof) -> str:
    """What is proved, or consistent, as a sentence without full stop."""
    if proof.verdict == PROVED:
        noun = "module" if proof.tested == 1 else "modules"
        return f"seed {proof.seed} proved on {proof.proved} of {proof.tested} untrained {noun}"
    noun = "module" if proof.tested == 1 else "modules"
    told = f"seed {proof.seed} consistent on {proof.proved} of {proof.tested} trained {noun}"
    return f"{told} (correlation {share(proof.correlation)}, next best {share(proof.next_best)})"


def share(value: float | None) -> str:
    """A correlation as ``0.9993``, or a dash."""
    return "-" if value is None else f"{value:.4f}"


def odds_text(odds: float | None) -> str:
    """``less often than once in 10^80`` for log10 odds of -80.3."""
    if odds is None or odds > -1:
        return "not excluded"
    return f"less often than once in 10^{min(300, math.floor(-odds))}"
