"""The adapters of a run whose initial weights can be looked at."""

from collections.abc import Iterator

from auditor.architectures._structure import Structure
from auditor.architectures._wrapping import candidates
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.runs import Run

Adapter = tuple[AdapterWeights, AdapterConfig, Structure | None]
"""What `prove_seed` and `recover_seed` take, in their order but for the seed."""


def adapters_of(run: Run) -> Iterator[Adapter]:
    """Weights with the configuration beside them: the run's own first, then its checkpoints, the earliest first."""
    for folder in (run.root, *run.checkpoints):
        weights, config = folder.one(AdapterWeights), folder.one(AdapterConfig)
        if weights is not None and config is not None:
            yield weights, config, structure_of(run, config)


def structure_of(run: Run, config: AdapterConfig) -> Structure | None:
    """The base's modules in the newest generation that fits, or None when they are not known."""
    found = candidates(run.base, config) if run.base is not None else ""
    return None if isinstance(found, str) else found[-1]
