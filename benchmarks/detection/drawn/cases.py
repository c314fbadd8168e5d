"""Pairs of a random honest run and its falsified twin."""

from collections.abc import Iterator

from benchmarks.detection.case import CAREFUL, HONEST, Case
from benchmarks.detection.drawn.publishing import pushed, told
from benchmarks.detection.drawn.recipes import drawn
from benchmarks.detection.drawn.twins import disguise, twin


def pair(seed: int, number: int) -> tuple[Case, Case]:
    """The honest run of a number, and the same files over a training of which one setting was another."""
    run = drawn(seed, number)
    kind, done = twin(seed, number, run)
    words, edit = pushed(seed, number, run)
    label = f"{seed}-{number}, pushed {words}"
    return (
        Case("random", HONEST, run, run, (told(run), edit), label=label),
        Case(kind, CAREFUL, run, run, (told(run), disguise, edit), (done,), label=label),
    )


def cases(seed: int, runs: int, architecture: str) -> tuple[Case, ...]:
    """Those of the first so many pairs that are of an architecture, the honest first."""
    return tuple(sorted(_of(seed, runs, architecture), key=lambda case: not case.honest))


def _of(seed: int, runs: int, architecture: str) -> Iterator[Case]:
    for number in range(runs):
        honest, falsified = pair(seed, number)
        if honest.declared.architecture == architecture:
            yield honest
            yield falsified
