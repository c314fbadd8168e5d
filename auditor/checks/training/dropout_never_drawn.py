"""Dropout is declared for the adapter, and the GPU's generator never gave a number to draw a mask with.

A LoRA layer drops inputs by `lora_dropout` while it trains (peft 0.21.2, tuners/lora/layer.py), every mask is drawn
from the device's generator, and rng_state.pth keeps how far that one is: the offset of a CUDA state counts what was
drawn since the last seeding (torch 2.13.0, ATen/cuda/CUDAGeneratorImpl.cpp). An offset of zero after training, with a
CPU generator that gave a few numbers to data loaders and no more, means that the dropout of the config never acted.
TRL's trainers of preferences and rewards turn it off unless told otherwise (trl 1.16.0, `disable_dropout`).

Wrong when: something seeded the generators anew just before the checkpoint was written, or the model was spread over
several GPUs and none of its adapters lay on the first, whose state alone is kept.

Fix: set `lora_dropout` to 0, or `disable_dropout` to false and train again.

Bad:
    checkpoint-18/rng_state.pth: generators with 6 numbers drawn on the CPU, offset 0 on the GPU

Good:
    # masks were drawn
    checkpoint-18/rng_state.pth: generators with 6 numbers drawn on the CPU, offset 27648 on the GPU
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import arguments
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.NOTE

NEAR = 1000
"""Refills of 624 numbers in which the CPU's generator is looked for; data loaders take four numbers an epoch."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """The last checkpoint that keeps a CUDA generator; one process is enough, for all train alike."""
    config = run.one(AdapterConfig)
    dropout = config.lora_dropout if config is not None and config.peft_type == "LORA" else None
    if config is None or not isinstance(dropout, int | float) or not dropout > 0:
        yield Skip("no adapter declares dropout")
        return
    folder = next((one for one in reversed(run.folders) if _first(one) is not None), None)
    state = _first(folder) if folder is not None else None
    if folder is None or state is None:
        yield Skip("no rng_state file that was read keeps a CUDA generator")
        return
    trainer = folder.one(TrainerState)
    steps = trainer.global_step if trainer is not None else None
    if not steps or any(offset for offset in _offsets(state)):
        return
    drawn = _drawn(state)
    if isinstance(drawn, str):
        yield Skip(f"{state.path} {drawn}")
    elif drawn < steps * _modules(config, folder):
        yield _problem(run, folder, state, dropout, steps, drawn)


def _first(folder: Folder) -> RngState | None:
    return next((state for state in folder.all(RngState) if _offsets(state)), None)


def _offsets(state: RngState) -> list[int]:
    """The second half of each CUDA state, little endian; () for generators of other devices."""
    return [int.from_bytes(data[8:], "little") for data in state.cuda if len(data) == 16]


def _drawn(state: RngState) -> int | str:
    """Numbers that the CPU's generator gave since it was seeded, or why that cannot be used."""
    from auditor.compare.states import describe_generators

    (rank,) = describe_generators([state], most_refills=NEAR).ranks
    drawn = next(one.draws for one in rank.generators if one.name == "cpu")
    if drawn is None:
        return "keeps a CPU generator far from its seed: training on the CPU is not excluded"
    return drawn or "was written right after its generators were seeded"


def _modules(config: AdapterConfig, folder: Folder) -> int:
    """LoRA modules, each of which takes a number a step at least; the names of the config where no tensor was read."""
    weights = folder.one(AdapterWeights)
    if weights is not None and weights.pairs():
        return len(weights.pairs())
    return len(config.target_modules) if isinstance(config.target_modules, frozenset) else 1


def _problem(run: Run, folder: Folder, state: RngState, dropout: float, steps: int, drawn: int) -> Problem:
    off = arguments(run, folder).get("disable_dropout") is True
    return Problem(
        f"`lora_dropout` is {dropout:g}, and no mask was drawn on the GPU in {counted(steps, 'step')}",
        state.at("cuda"),
        expected="an offset above 0",
        observed="offset 0",
        evidence=(
            f"the CPU generator gave {counted(drawn, 'number')} since it was seeded",
            *(("the arguments say disable_dropout true",) if off else ()),
        ),
    )
