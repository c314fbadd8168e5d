"""A random generator's state is one that its algorithm cannot be in.

Python, NumPy and torch's CPU generator are Mersenne Twisters: seeding fixes all 624 words, and drawing
replaces all of them at once (CPython 3.11, Modules/_randommodule.c; torch 2.13.0,
ATen/core/MT19937RNGEngine.h). A state that shares most words with one that the run's seed leads to, but not
all, was edited or damaged, and so was one whose counters do not fit each other. Resuming from it draws
other numbers than the run did.

Wrong when: never for an edited state: words that agree by chance do not come by the hundred. States further
from the seed than some six million numbers are not looked for, and then nothing is said.

Fix: publish the rng_state file as the trainer wrote it.

Bad:
    checkpoint-18/rng_state.pth: .python/1/7 = 1

Good:
    # as the trainer wrote it
"""

import struct
from collections.abc import Callable, Iterator

from auditor.artifacts.rng_state import CPU_STATE_BYTES, RngState
from auditor.artifacts.training_args import TrainingArgs
from auditor.compare import mersenne
from auditor.compare.mersenne import WORDS, Words
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

MOST = 10_000
"""Refills that are followed: 6.2 million numbers from the seed. Scripts on a GPU draw a few per epoch on the CPU, a
run on the CPU a number for each activation that dropout sees.
"""
ALIKE = 312
"""Words, half of them, that make a state the one it nearly is."""
_HEAD, _WORDS = "<Qiiq", "<624Q"
"""CPUGeneratorImplStateLegacy: the_initial_seed, left, seeded, next, then the words (ATen, CPUGeneratorImpl.cpp)."""


def check(state: RngState, received: TrainingArgs | None) -> Iterator[Problem | Skip]:
    """One finding a generator."""
    seeds = _seeds(state, received)
    if state.python is None and state.numpy is None and state.cpu is None:
        yield Skip(f"{state.path} holds no generator of a known layout")
    for generator, found in (
        ("python", _python(state, seeds)),
        ("numpy", _numpy(state, seeds)),
        ("cpu", _torch(state, seeds)),
    ):
        if found is not None:
            expected, observed = found
            yield Problem(
                f"the state of the {generator} generator in {state.path} is no state of a Mersenne Twister: {observed}",
                state.at(generator),
                expected=expected,
                observed=observed,
            )


def _seeds(state: RngState, received: TrainingArgs | None) -> tuple[int, ...]:
    """Seeds the run may have begun with: torch's own state tells one, the arguments another."""
    stated = received.get("seed") if received else None
    known = [state.cpu_seed, stated]
    return tuple(dict.fromkeys(s for s in known if isinstance(s, int) and 0 <= s < 2**32))


Fault = tuple[str, str] | None
"""What should be, and what is; None when nothing is wrong."""


def _python(state: RngState, seeds: tuple[int, ...]) -> Fault:
    if state.python is None:
        return None
    _, words, gauss = state.python
    position = words[WORDS]
    if not 1 <= position <= WORDS:
        return f"a position of 1 to {WORDS}", f"its position is {position}"
    # random.gauss keeps a number only after it drew two.
    return _words(words[:WORDS], position == WORDS and gauss is None, seeds, mersenne.seeded_by_python)


def _numpy(state: RngState, seeds: tuple[int, ...]) -> Fault:
    if state.numpy is None or len(state.numpy) <= 4 * WORDS:
        return None
    words = struct.unpack(f"<{WORDS}I", state.numpy[: 4 * WORDS])
    rest = state.numpy[4 * WORDS :].decode("ascii", "replace").strip("()").split(", ")
    if len(rest) != 3:
        return None
    position, has_gauss, cached = (float(part) for part in rest)
    if not 0 <= position <= WORDS:
        return f"a position of 0 to {WORDS}", f"its position is {position:g}"
    # legacy_gauss clears what it hands out (numpy, random/src/legacy/legacy-distributions.c).
    if has_gauss not in (0, 1) or (has_gauss == 0) != (cached == 0):
        return (
            "a cached number exactly where has_gauss is 1",
            f"has_gauss is {has_gauss:g} and it caches {cached:g}",
        )
    return _words(words, position == WORDS, seeds, mersenne.seeded)


def _torch(state: RngState, seeds: tuple[int, ...]) -> Fault:
    if state.cpu is None or len(state.cpu) != CPU_STATE_BYTES:
        return None
    head = struct.calcsize(_HEAD)
    seed, left, is_seeded, position = struct.unpack(_HEAD, state.cpu[:head])
    words = struct.unpack(_WORDS, state.cpu[head : head + struct.calcsize(_WORDS)])
    fresh = (left, position) == (1, 0)
    if is_seeded != 1 or not (fresh or (1 <= position <= WORDS and left + position == WORDS + 1)):
        return f"left + next = {WORDS + 1}", f"left is {left}, next {position}, seeded {is_seeded}"
    if max(words) >= 2**32:
        return "words of 32 bits", "a word is larger than 32 bits"
    return _words(words, fresh, (seed & 0xFFFFFFFF, *seeds), mersenne.seeded, seed)


def _words(
    words: Words,
    untouched: bool,
    seeds: tuple[int, ...],
    begin: Callable[[int], Words],
    own: int | None = None,
) -> Fault:
    """Whether the words are nearly, and not quite, those that a seed leads to.

    ``untouched``: the position says that no number was drawn since seeding or that the last word was just used.
    """
    for seed in dict.fromkeys(seeds):
        near = mersenne.nearest(begin(seed), words, MOST, ALIKE)
        if near is None:
            continue
        refills, alike = near
        if alike < WORDS:
            return (
                f"the words {refills} refills after seed {seed}",
                f"{WORDS - alike} of {WORDS} words differ",
            )
        if refills == 0 and not untouched:
            return "the position right after seeding", f"words of seed {seed} untouched, and numbers drawn"
        if own is not None and own & 0xFFFFFFFF != seed:
            return f"the seed {seed}, which these words come from", f"the seed {own}"
        return None
    return None
