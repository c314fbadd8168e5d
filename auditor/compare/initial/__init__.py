"""Which seed drew an adapter's initial weights: PEFT's draws replayed without torch, proved or searched for.

A LoRA module that was never trained still holds the numbers it was drawn with, and a trained one remembers them.
`prove_seed` replays the draws of one seed and holds the stored values against them, `recover_seed` searches a range.
"""

from auditor.compare.initial._proof import Limits, SeedProof, prove_seed
from auditor.compare.initial._run import adapters_of
from auditor.compare.initial._search import recover_seed

__all__ = ["Limits", "SeedProof", "adapters_of", "prove_seed", "recover_seed"]
