"""The adapters of a run whose initial weights can be looked at, and what one seed explains of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from auditor.architectures._structure import Structure
from auditor.architectures._wrapping import candidates
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._proof import Limits, prove_seed
from auditor.compare.initial._sentences import SeedProof
from auditor.runs import Folder, Run

Adapter = tuple[AdapterWeights, AdapterConfig, Structure | None]
"""What `prove_seed` and `recover_seed` take, in their order but for the seed."""


IN_AN_AUDIT = Limits(4096, 1 << 25, 1 << 20, 1, modules=512)
"""What one audit may spend: 4,096 numbers each of 512 modules, 33 million words of the stream (a tenth of a second),
and one million words looked through for one module when nothing matches at once."""
_ADAPTERS = 2


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a seed explains of the adapter in ``folder``."""

    proof: SeedProof
    folder: Folder
    weights: AdapterWeights
    config: AdapterConfig


def seeded_adapter(run: Run, seed: int) -> Seeded | None:
    """What a seed explains of the run's own adapter, else of its first checkpoint, which is nearer to the beginning.

    The first of the two that it explains, else the first of them; None where neither is a LoRA. The draws are
    replayed once: whoever asks again gets the same proof. Nothing is raised.
    """
    first: Seeded | None = None
    for folder, weights, config in first_adapters(run):
        if config.peft_type != "LORA":
            continue
        key = (seed, config.path)
        known = weights.proofs.get(key)
        if not isinstance(known, SeedProof):
            known = prove_seed(weights, config, seed, structure_of(run, config), IN_AN_AUDIT)
            weights.proofs[key] = known
        found = Seeded(known, folder, weights, config)
        if known.verdict in ("proved", "consistent"):
            return found
        first = first or found
    return first


def adapters_of(run: Run) -> Iterator[Adapter]:
    """Weights with the configuration beside them: the run's own first, then its checkpoints, the earliest first."""
    for _, weights, config in _adapters(run):
        yield weights, config, structure_of(run, config)


def first_adapters(run: Run) -> Iterator[tuple[Folder, AdapterWeights, AdapterConfig]]:
    """The two that a seed is held against: the run's own and the first checkpoint's, which is nearer to the start."""
    yield from islice(_adapters(run), _ADAPTERS)


def _adapters(run: Run) -> Iterator[tuple[Folder, AdapterWeights, AdapterConfig]]:
    for folder in run.folders:
        weights, config = folder.one(AdapterWeights), folder.one(AdapterConfig)
        if weights is not None and config is not None:
            yield folder, weights, config


def structure_of(run: Run, config: AdapterConfig) -> Structure | None:
    """The base's modules in the newest generation that fits, or None when they are not known."""
    found = candidates(run.base, config) if run.base is not None else ""
    return None if isinstance(found, str) else found[-1]
