"""Which seed drew an adapter's initial weights: PEFT's draws replayed without torch, proved or searched for.

A LoRA module that was never trained still holds the numbers it was drawn with, and a trained one remembers them.
`prove_seed` replays the draws of one seed and holds the stored values against them; `recover_seed` computes the seed
from values that never changed, or searches a range; `begins_with` proves the usual case without NumPy,
and `held_in` tells the type in which the numbers were held.
"""

from auditor.compare.initial._begun import Begun, moved_in_any_basis
from auditor.compare.initial._glance import begins_with, held_in
from auditor.compare.initial._held import numbers_held
from auditor.compare.initial._proof import Limits, prove_seed
from auditor.compare.initial._run import (
    IN_AN_AUDIT,
    Seeded,
    adapters_of,
    first_adapters,
    seeded_adapter,
    structure_of,
)
from auditor.compare.initial._search import recover_seed
from auditor.compare.initial._sentences import CHOSEN, UNCHOSEN, SeedProof
from auditor.compare.initial._values import precision_of

__all__ = [
    "CHOSEN",
    "IN_AN_AUDIT",
    "UNCHOSEN",
    "Begun",
    "Limits",
    "SeedProof",
    "Seeded",
    "adapters_of",
    "begins_with",
    "first_adapters",
    "held_in",
    "moved_in_any_basis",
    "numbers_held",
    "precision_of",
    "prove_seed",
    "recover_seed",
    "seeded_adapter",
    "structure_of",
]
