"""The seed, from the states of the random generators.

The state of torch's CPU generator begins with the seed it was started from, and a CUDA generator's state is
seed and offset (ATen, CPUGeneratorImpl.cpp and CUDAGeneratorImpl.cpp); drawing numbers changes neither. The
Trainer calls ``set_seed(args.seed)``, which seeds all of them, and stores them in rng_state.pth beside
every checkpoint (transformers 5.23.0, trainer.py ``_save_rng_state``, trainer_utils.py ``set_seed``). A
script that seeds torch again after that leaves its own seed here, so another seed in the state is named as
what it is; where Python's or NumPy's generator is a few numbers behind the declared seed, that seed was set all
the same, and nothing is contradicted (their states after a seed are fixed, see `auditor.compare.mersenne`).
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.rng_state import RngState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._files import why_unread
from auditor.evidence._say import contradicted, unverifiable, verified, whole
from auditor.model import Evidence
from auditor.runs import Run

NEAR = 1000
"""Refills of 624 numbers that are looked through behind the seed; training draws little from Python and NumPy."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test seed by every rng_state file of the run: a generator keeps its seed while numbers are drawn."""
    stated = ledger.statement("seed", DECLARED, EFFECTIVE)
    wanted = whole(stated.value) if stated else None
    if stated is None or wanted is None:
        return
    states = run.all(RngState)
    if not states:
        yield unverifiable("seed", f"{why_unread(run, 'rng_state.pth')}; its first bytes are the seed")
        return
    paths = tuple(state.path for state in states)
    cpu = {state.cpu_seed for state in states if state.cpu_seed is not None}
    cuda = {seed for state in states for seed in state.cuda_seeds}
    if not cpu:
        yield unverifiable("seed", "the CPU generator's state has an unknown layout", *paths)
    elif cpu == {wanted}:
        where = "CPU and CUDA generators were" if cuda == {wanted} else "CPU generator was"
        yield verified("seed", f"torch's {where} seeded with {wanted}", "", wanted, *paths)
    elif (name := _seeded_alike(states, wanted)) is not None:
        shown = " and ".join(str(seed) for seed in sorted(cpu))
        says = f"{name} generator was seeded with {wanted}, and torch's CPU generator last with {shown}"
        yield unverifiable("seed", says, *paths)
    else:
        shown = " and ".join(str(seed) for seed in sorted(cpu))
        says = f"{stated.key} is declared as {wanted}, and torch's CPU generator was last seeded with {shown}"
        odd = next(state for state in states if state.cpu_seed not in (None, wanted))
        detail = f"{odd.path} begins with the seed {odd.cpu_seed}"
        yield contradicted("seed", says, detail, odd.cpu_seed, stated.path, *paths)


def _seeded_alike(states: Sequence[RngState], wanted: int) -> str | None:
    """Python's or NumPy's, where one of them began from a seed."""
    from auditor.compare.states import describe_generators

    found = describe_generators(states, [wanted], most_refills=NEAR)
    names = {one.name for rank in found.ranks for one in rank.generators if one.seed == wanted}
    return "Python's" if "python" in names else "NumPy's" if "numpy" in names else None
