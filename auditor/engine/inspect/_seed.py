"""The seed that drew a run's adapter: proved, or searched for in a range when asked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.training_args import TrainingArgs
from auditor.engine.inspect._options import InspectOptions
from auditor.model.inspection import SeedInspection
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.architectures._structure import Structure
    from auditor.compare.initial import Seeded, SeedProof
    from auditor.engine.inspect._weights import Read

_SHOWN = "proved", "consistent"
_OTHERS = (0, 1, 42, 123, 1234, 1337, 2024, 3407)
"""Seeds tried in its place when it explains nothing; --seed tries all usual ones."""


Found = tuple[SeedInspection, "Seeded"]
"""What is said of the seed, and the proof with the adapter that it is of."""


def is_looked_for(run: Run, options: InspectOptions) -> bool:
    """Whether there is a seed to prove or to search for."""
    return options.recover is not None or next(_stated(run, options), None) is not None


def seed_of(run: Run, options: InspectOptions, read: "Read") -> Found | None:
    """What is known of the seed; None when no number is to be read, no seed is known, or there is no LoRA.

    The run's own adapter is looked at, then its first checkpoint, which is nearer to the beginning.
    """
    if not options.numbers:
        return None
    if options.recover is not None:
        return _recovered(run, options, read, *options.recover)
    wanted = next(_stated(run, options), None)
    if wanted is None:
        return None
    seed, source = wanted
    from auditor.compare.initial import IN_AN_AUDIT, Limits, prove_seed

    few = replace(IN_AN_AUDIT, others=_OTHERS, modules=Limits().modules)
    limits = few if options.seed is None else Limits()
    first: Found | None = None
    for folder, weights, config, structure in _adapters(run):
        view, held = read.views.get(weights.path, weights), read.held.get(weights.path)
        proof = prove_seed(view, config, seed, structure, replace(limits, held=held))
        found = _found(proof, source, folder, view, config)
        if proof.verdict in _SHOWN:
            return found
        first = first or found
    return first


def _stated(run: Run, options: InspectOptions) -> Iterator[tuple[int, str]]:
    """Seeds to try with where they come from, the likeliest first."""
    if options.seed is not None:
        yield options.seed, "--seed"
    arguments = run.one(TrainingArgs)
    seed = arguments.get("seed") if arguments is not None else None
    if arguments is not None and isinstance(seed, int) and not isinstance(seed, bool):
        yield seed, arguments.path
    for state in run.all(RngState):
        if state.cpu_seed is not None:
            yield state.cpu_seed, state.path


def _adapters(run: Run) -> "Iterator[tuple[Folder, AdapterWeights, AdapterConfig, Structure | None]]":
    from auditor.compare.initial import first_adapters, structure_of

    for folder, weights, config in first_adapters(run):
        if config.peft_type == "LORA":
            yield folder, weights, config, structure_of(run, config)


def _found(
    proof: "SeedProof", source: str, folder: Folder, weights: AdapterWeights, config: AdapterConfig
) -> Found:
    from auditor.compare.initial import Seeded

    return _words(proof, source, weights.path), Seeded(proof, folder, weights, config)


def _recovered(run: Run, options: InspectOptions, read: "Read", first: int, last: int) -> Found | None:
    from auditor.compare.initial import recover_seed

    def told(done: int, total: int) -> None:
        options.progress(done, total, "trying seeds")

    best: Found | None = None
    for folder, weights, config, structure in _adapters(run):
        view = read.views.get(weights.path, weights)
        held = read.held.get(weights.path)
        proof = recover_seed(view, config, structure, range(first, last + 1), told, held)
        found = _found(proof, "--recover-seed", folder, view, config)
        if proof.verdict in _SHOWN:
            return found
        best = best or found
    return best


def _words(proof: "SeedProof", source: str, path: str) -> SeedInspection:
    return SeedInspection(
        verdict=proof.verdict,
        says=proof.says,
        why=proof.why if proof.why not in proof.says else "",
        seed=proof.seed,
        source=source,
        path=path,
        proved=proof.proved,
        tested=proof.tested,
        correlation=proof.correlation,
        next_best=proof.next_best,
        odds=proof.odds,
        drawn_before=proof.drawn_before,
        other=proof.other,
    )
