"""The sets of cases: the known one, which was there while the judge was mended, and blind ones, which were not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.detection import falsified, honest
from benchmarks.detection.blind import falsified as blind_falsified
from benchmarks.detection.blind import honest as blind_honest
from benchmarks.detection.blind import second, third
from benchmarks.detection.case import Case
from benchmarks.detection.drawn.cases import cases as drawn_cases
from benchmarks.detection.fifth import falsified as fifth_falsified
from benchmarks.detection.fifth import honest as fifth_honest
from benchmarks.detection.fourth import falsified as fourth_falsified
from benchmarks.detection.fourth import honest as fourth_honest
from benchmarks.detection.sixth import falsified as sixth_falsified
from benchmarks.detection.sixth import honest as sixth_honest
from benchmarks.detection.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Set:
    """Cases by architecture, and who trains them from what."""

    cases: tuple[Callable[[str], tuple[Case, ...]], ...]
    inputs: str
    trainer: str

    def of(self, architecture: str) -> tuple[Case, ...]:
        """Every case of an architecture, the honest first."""
        return tuple(case for cases in self.cases for case in cases(architecture))

    def workshop(self, folder: Path) -> Workshop:
        """Where this set is trained."""
        return Workshop(folder, self.inputs, self.trainer)


_HERE = "benchmarks.detection"
_BLIND = (f"{_HERE}.blind.inputs", f"{_HERE}.blind.trainer")
SETS: Mapping[str, Set] = {
    "known": Set((honest.cases, falsified.cases), f"{_HERE}.inputs", f"{_HERE}.trainer"),
    "blind": Set((blind_honest.cases, blind_falsified.cases), *_BLIND),
    "second blind": Set((second.honest_cases, second.falsified_cases), *_BLIND),
    "third blind": Set((third.honest_cases, third.falsified_cases), *_BLIND),
    "fourth blind": Set(
        (fourth_honest.cases, fourth_falsified.cases), f"{_HERE}.fourth.inputs", f"{_HERE}.fourth.trainer"
    ),
    "fifth blind": Set(
        (fifth_honest.cases, fifth_falsified.cases), f"{_HERE}.fifth.inputs", f"{_HERE}.fifth.trainer"
    ),
    "sixth blind": Set(
        (sixth_honest.cases, sixth_falsified.cases), f"{_HERE}.fifth.inputs", f"{_HERE}.sixth.trainer"
    ),
}
RANDOM = "random"


def set_of(name: str, runs: int, seed: int) -> Set:
    """A set by its name; the random one of so many pairs that a seed draws."""
    return Set((partial(drawn_cases, seed, runs),), *_BLIND) if name == RANDOM else SETS[name]
