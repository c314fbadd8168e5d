"""rng_state*.pth: from which seed each random generator began, and how many numbers it has given since.

Python's, NumPy's and torch's CPU generator are Mersenne Twisters (see `auditor.compare.mersenne`): the stream after a
seed is fixed, so a state is looked up in it. ``set_seed`` seeds all of them alike (transformers 5.23.0,
trainer_utils.py); torch's state keeps its seed, the other two are looked for after that seed and after others given.
A CUDA generator is Philox: its state is the seed and the offset, which is the position itself
(torch 2.13.0, ATen/cuda/CUDAGeneratorImpl.cpp).
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.artifacts.rng_state import CPU_STATE_BYTES, RngState
from auditor.compare import mersenne
from auditor.compare.mersenne import WORDS, Words

MOST_REFILLS = 200_000
"""Refills of 624 numbers that are looked through: 125 million numbers, a quarter of a second."""
_HEAD = struct.Struct("<Qiiq")
"""CPUGeneratorImplStateLegacy: the_initial_seed, left, seeded, next; then 624 words of 64 bits."""


@dataclass(frozen=True, slots=True)
class GeneratorDescription:
    """One Mersenne Twister: ``name`` is cpu (torch), numpy or python.

    ``seed`` is the one it was last seeded with: recorded in the state (cpu), else proved by ``draws``; None when
    neither. ``draws`` counts the 32-bit numbers taken since: a float32 of torch takes one, a float of Python or NumPy
    two. None when the state is not among the first numbers after any seed that was tried. ``says`` is the sentence.
    """

    name: str
    seed: int | None
    draws: int | None
    says: str


@dataclass(frozen=True, slots=True)
class CudaDescription:
    """One CUDA generator. ``offset`` is the position in its Philox stream, in 32-bit numbers a thread."""

    device: int
    seed: int
    offset: int


@dataclass(frozen=True, slots=True)
class RankDescription:
    """The generators of one process; ``rank`` is N of rng_state_N.pth, None for rng_state.pth."""

    path: str
    rank: int | None
    generators: tuple[GeneratorDescription, ...]
    cuda: tuple[CudaDescription, ...]


@dataclass(frozen=True, slots=True)
class GeneratorsDescription:
    """The generators of one checkpoint, by rank. ``seeds`` are all seeds found, ascending.

    ``world_size`` is 1 for rng_state.pth, else the number of rng_state_N.pth; None for no file. ``notes`` are sentences
    about what does not fit together.
    """

    world_size: int | None
    ranks: tuple[RankDescription, ...]
    seeds: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Twister:
    """A state taken apart: its words, and how many of them were given out; ``seeding`` begins a stream."""

    name: str
    words: Words
    position: int
    seeding: Callable[[int], Words]


def describe_generators(
    states: Sequence[RngState], seeds: Iterable[int] = (), most_refills: int = MOST_REFILLS
) -> GeneratorsDescription:
    """The generators of one checkpoint. Never raises; a generator of another layout is said to be one.

    ``seeds`` are further ones to try, such as the seed of the training arguments. The look-up takes time in proportion
    to ``most_refills``, about 1.2 microseconds each, once per seed and kind of generator.
    """
    ordered = sorted(states, key=lambda state: -1 if state.rank is None else state.rank)
    own = [state.cpu_seed for state in ordered if state.cpu_seed is not None]
    cuda = [seed for state in ordered for seed in state.cuda_seeds]
    tried = tuple(dict.fromkeys(seed for seed in (*own, *seeds, *cuda) if 0 <= seed < 2**64))[:_SEEDS]
    twisters = {(state.path, one.name): one for state in ordered for one in _twisters(state)}
    draws = _look_up(twisters, tried, most_refills)
    ranks = tuple(_rank(state, twisters, draws, tried, most_refills) for state in ordered)
    found = {one.seed for rank in ranks for one in rank.generators if one.seed is not None}
    found |= {device.seed for rank in ranks for device in rank.cuda}
    return GeneratorsDescription(_world(ordered), ranks, tuple(sorted(found)), tuple(_notes(ranks)))


_SEEDS = 8
"""Most seeds that are tried; ranks seeded each for itself would make the look-up long."""
Key = tuple[str, str]


def _look_up(twisters: Mapping[Key, _Twister], seeds: Sequence[int], most: int) -> dict[Key, tuple[int, int]]:
    """The seed and the number of draws of every twister that is found, one pass over each stream.

    torch and NumPy seed alike, so their states are looked for in one.
    """
    found: dict[Key, tuple[int, int]] = {}
    for names in (("cpu", "numpy"), ("python",)):
        for seed in seeds:
            keys = [
                key
                for key, one in twisters.items()
                if one.name in names and key not in found and (one.name != "numpy" or seed < 2**32)
            ]
            if not keys:
                continue
            begun = twisters[keys[0]].seeding(seed)
            refills = mersenne.positions(begun, [twisters[key].words for key in keys], most)
            for key, refill in zip(keys, refills, strict=True):
                if refill is not None:
                    taken = twisters[key].position if refill else 0
                    found[key] = seed, max(refill - 1, 0) * WORDS + taken
    return found


def _twisters(state: RngState) -> Iterable[_Twister]:
    cpu, numpy, python = _cpu(state), _numpy(state), state.python
    if cpu is not None:
        yield _Twister("cpu", *cpu, mersenne.seeded)
    if numpy is not None:
        yield _Twister("numpy", *numpy, mersenne.seeded)
    if python is not None and 0 <= python[1][WORDS] <= WORDS:
        yield _Twister("python", python[1][:WORDS], python[1][WORDS], mersenne.seeded_by_python)


def _cpu(state: RngState) -> tuple[Words, int] | None:
    if state.cpu is None or len(state.cpu) != CPU_STATE_BYTES:
        return None
    _, _, _, position = _HEAD.unpack_from(state.cpu)
    words = struct.unpack_from(f"<{WORDS}Q", state.cpu, _HEAD.size)
    return (words, position) if 0 <= position <= WORDS and max(words) < 2**32 else None


def _numpy(state: RngState) -> tuple[Words, int] | None:
    """The reader keeps the key bytes with ``(position, has_gauss, cached)`` behind them as text."""
    if state.numpy is None or len(state.numpy) <= 4 * WORDS:
        return None
    words = struct.unpack_from(f"<{WORDS}I", state.numpy)
    position = state.numpy[4 * WORDS :].partition(b",")[0].strip(b"( ")
    if not position.isdigit() or len(position) > 3 or int(position) > WORDS:
        return None
    return words, int(position)


def _rank(
    state: RngState,
    twisters: Mapping[Key, _Twister],
    draws: Mapping[Key, tuple[int, int]],
    tried: Sequence[int],
    most: int,
) -> RankDescription:
    held = {"cpu": state.cpu, "numpy": state.numpy, "python": state.python}
    described = []
    for name, value in held.items():
        key = (state.path, name)
        own = state.cpu_seed if name == "cpu" else None
        seed, drawn = draws.get(key, (own, None))
        says = (
            f"the file keeps no {name} generator"
            if value is None
            else "its state has another layout"
            if key not in twisters
            else _sentence(seed, drawn, tried, most)
        )
        described.append(GeneratorDescription(name, seed, drawn, says))
    return RankDescription(state.path, state.rank, tuple(described), _cuda(state))


def _sentence(seed: int | None, drawn: int | None, tried: Sequence[int], most: int) -> str:
    if drawn is not None:
        numbers = "no number" if not drawn else "1 number" if drawn == 1 else f"{drawn:,} numbers"
        return f"seeded with {seed}, {numbers} drawn since"
    if not tried:
        return "no seed is known to look its state up from"
    told = f"seeded with {seed}, and " if seed is not None else ""
    seeds = " or ".join(str(item) for item in tried)
    return f"{told}not found within the first {most * WORDS:,} numbers after seed {seeds}"


def _cuda(state: RngState) -> tuple[CudaDescription, ...]:
    """Seed and offset, 64 bits each; a state of another length (another device's) is left out."""
    return tuple(
        CudaDescription(device, *struct.unpack("<QQ", data))
        for device, data in enumerate(state.cuda)
        if len(data) == 16
    )


def _world(states: Sequence[RngState]) -> int | None:
    ranks = {state.rank for state in states if state.rank is not None}
    return len(ranks) or (1 if states else None)


def _notes(ranks: Sequence[RankDescription]) -> Iterable[str]:
    """What does not fit together: other seeds by kind, missing ranks."""
    seeds: dict[str, set[int]] = {}
    for rank in ranks:
        for one in rank.generators:
            if one.seed is not None:
                seeds.setdefault(f"the {one.name} generator", set()).add(one.seed)
        for device in rank.cuda:
            seeds.setdefault("the CUDA generator", set()).add(device.seed)
    if len({seed for found in seeds.values() for seed in found}) > 1:
        told = (f"{name} from {' and '.join(map(str, sorted(found)[:4]))}" for name, found in seeds.items())
        yield f"the generators began from different seeds: {', '.join(told)}"
    numbers = sorted(rank.rank for rank in ranks if rank.rank is not None)
    if numbers and len(numbers) < len(ranks):
        yield "rng_state.pth of one process lies beside the files of several"
    missing = sorted(set(range(numbers[-1] + 1 if numbers and numbers[-1] < 4096 else 0)) - set(numbers))
    if missing:
        yield f"the file of rank {', '.join(map(str, missing[:5]))} is missing"
