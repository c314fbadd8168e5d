"""Where a run's adapter began: with the declared seed's draws, those of a seed that can be computed, or unknown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditor.model import Alternative, Setting
from auditor.runs import Run


@dataclass(frozen=True, slots=True)
class Start:
    """What the initial lora_A tell.

    ``settings`` are the plan's for the child (``init_seed``, ``init_skip``); ``unknown`` says why no training here can
    begin where the run began; ``seed`` is another seed that people choose, which drew the adapter.
    """

    settings: Mapping[str, Setting]
    unknown: str | None = None
    seed: int | None = None

    def alternatives(self) -> Iterator[Alternative]:
        """The recipe with the seed that really drew the adapter."""
        if self.seed is not None:
            says = f"seed = {self.seed}: the initial lora_A are drawn from it"
            yield Alternative({"seed": self.seed}, says)


def start_of(run: Run, seed: object) -> Start:
    """Replay the draws of the declared seed; where they did not make the adapter, find those that did.

    One module that begins with them is enough; all are replayed only where the first does not.
    """
    from auditor.compare.initial import CHOSEN, adapters_of, begins_with, prove_seed

    assumed = {
        "init_seed": Setting(None, "the adapter is drawn right after the seed is set", assumed=True),
        "init_skip": Setting(0, "the adapter is drawn right after the seed is set", assumed=True),
    }
    adapter = next(iter(adapters_of(run)), None)
    if adapter is None or not isinstance(seed, int):
        return Start(assumed)
    weights, config, structure = adapter
    if begins_with(weights, config, seed, structure):
        return Start(assumed)
    proof = prove_seed(weights, config, seed, structure)
    if proof.verdict in ("proved", "consistent") and proof.drawn_before:
        return Start({**assumed, **_drawn(seed, proof.drawn_before, proof.says)})
    if proof.verdict != "unreached":
        return Start(assumed)
    if proof.other is not None and proof.other < CHOSEN:
        return Start(assumed, seed=proof.other)
    return _computed(assumed, adapter, proof.says)


def _computed(assumed: Mapping[str, Setting], adapter: tuple[object, ...], says: str) -> Start:
    """The seed of an unseeded process, computed from modules that never trained; else nobody knows it."""
    from auditor.compare.initial import recover_seed

    weights, config, structure = adapter
    found = recover_seed(weights, config, structure, seeds=())  # type: ignore[arg-type]
    if found.verdict in ("proved", "consistent") and found.seed is not None:
        return Start({**assumed, **_drawn(found.seed, found.drawn_before, found.says)})
    return Start(assumed, unknown=says)


def _drawn(seed: int, skip: int, says: str) -> Mapping[str, Setting]:
    source = f"replay of the initial lora_A: {says}"
    return {"init_seed": Setting(seed, source), "init_skip": Setting(skip, source)}
