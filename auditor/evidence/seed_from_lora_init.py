"""The seed, from the initial values that the adapter's own matrices still hold.

PEFT draws lora_A from torch's CPU generator, module by module in the order of the base's ``named_modules()``, in most
trainers right after the seed was set (peft 0.13.2 and 0.21.2, tuners/lora/layer.py ``update_layer``). A module that
never trained keeps these numbers to the last bit, and a trained one is still correlated with them, so the draws of the
stated seed are replayed and compared (auditor/compare/initial). A match is a proof: chance gives one less often than
once in 10^9.

No match proves little. A plain script wraps the model before the Trainer sets the seed, draws a new head first, or
continues an earlier adapter, all honestly; so the claim is then open, with what was seen. It is contradicted only
when a declared seed is not the one that drew the values, another is that somebody chose, no generator state knows the
declared one, and the platform has no other seed for the adapter.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.artifacts.rng_state import RngState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._say import contradicted, unverifiable, verified, whole
from auditor.model import Evidence, Statement
from auditor.runs import Run

if TYPE_CHECKING:
    from auditor.compare.initial import SeedProof

UNPLANNED = True
"""A rerun's plan replays the draws itself, those of one module where that is enough
(auditor/rerun/planning/start.py)."""
_OWN_SEED = ("unsloth",)
"""Platforms that seed the adapter by an argument of its own (unsloth, models/llama.py ``get_peft_model``: random_state,
3407 by default), so that another seed there is no contradiction."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test seed by the run's own weights, and by its first checkpoint, which is nearer to the beginning."""
    stated = ledger.statement("seed", DECLARED, EFFECTIVE)
    wanted = whole(stated.value) if stated else None
    if stated is None or wanted is None:
        return
    from auditor.compare.initial import seeded_adapter

    found = seeded_adapter(run, wanted)
    if found is not None:
        yield _outcome(run, stated, wanted, found.proof, found.weights.path)


def _outcome(run: Run, stated: Statement, seed: int, proof: "SeedProof", path: str) -> Evidence:
    from auditor.compare.initial import CHOSEN, UNCHOSEN

    if proof.verdict in ("proved", "consistent"):
        return verified("seed", proof.says, proof.why, seed, path)
    if proof.other is None:
        says = (
            f"{proof.says} ({proof.why})"
            if proof.verdict == "unreached"
            else proof.says.removeprefix("inconclusive: ")
        )
        return unverifiable("seed", says, path)
    known = any(seed in (state.cpu_seed, *state.cuda_seeds) for state in run.all(RngState))
    if proof.other >= CHOSEN:
        return unverifiable("seed", f"{proof.says} ({UNCHOSEN})", path)
    if known or stated.role != DECLARED or run.platform in _OWN_SEED:
        return unverifiable("seed", f"{proof.says}; {seed} may have been set later", path)
    return contradicted("seed", proof.says, proof.why, proof.other, stated.path, path)
