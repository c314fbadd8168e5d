"""One committed file against the rerun's: how far apart, and what the format or the arithmetic excuses."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from auditor.artifacts._base import Artifact
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.model import RerunPlan
from auditor.rerun.outputs import Output
from auditor.rerun.planning.evaluation import loaded_step
from auditor.runs import Contents, Folder, Run

A = TypeVar("A", bound=Artifact)
ROOT = ""
OUTSIDE = "+outside"
"""Ends the key of a gap of tensors besides an adapter's factors, whose noise is measured by itself."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far one thing of a committed file lies from the rerun's.

    ``key`` names the same thing in every output, so that a repeat's gap can be found again. ``same`` means equal
    bits. ``distance`` is relative, infinite for a difference that no rounding makes, None when ``says`` tells why
    nothing can be compared. ``slack`` is a distance that never means anything, ``coarse`` what the file's type rounds
    away on top of noise; ``noisy`` is False where another machine computes the same. ``points`` are a curve's
    relative gaps by step, ``telling`` the steps at which another machine's noise is seen in the file.
    """

    aspect: str
    key: str
    at: str | None
    says: str
    step: int | None = None
    same: bool = False
    distance: float | None = None
    slack: float = 0.0
    coarse: float = 0.0
    noisy: bool = True
    module: str | None = None
    tensor: str | None = None
    points: tuple[tuple[int, float], ...] = ()
    telling: frozenset[int] = frozenset()
    convention: tuple[str, float] | None = None
    """How another release would log the same curve, and how far apart the two are then."""
    ratio: float | None = None
    """The committed number over the rerun's, of an aspect that is one number."""
    more: int | None = None
    """How many numbers more the committed generator has given, or how many updates more a parameter had."""
    regrouped: str | None = None
    """How optimizer.pt spreads the parameters over groups, where the recipe's optimizer spreads them otherwise."""
    counters: tuple[str, ...] = ()
    """The fields of trainer_state.json that are others, of which ``says`` tells the first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two folders that hold the same moment of two trainings; ``step`` is that moment, if known.

    ``base`` is what a full fine-tune began at: its update is measured from there.
    """

    key: str
    step: int | None
    theirs: Folder
    ours: Folder
    contents: Contents
    base: tuple[ModelWeights, ...] = ()

    def path(self, name: str) -> str:
        """The path of a file in their folder."""
        return f"{self.theirs.path}/{name}" if self.theirs.path else name

    def unread(self, *names: str) -> str | None:
        """Why the first of these files that is there was not read; None when none is there."""
        for name in names:
            found = self.contents.unread_at(self.path(name))
            if found is not None:
                return f"{found.path} was not read: {found.reason}"
        return None


def missing(aspect: str, pair: Pair, at: str, says: str) -> Gap:
    """A gap that cannot be measured, and why."""
    return Gap(aspect, pair.key, at, says, pair.step)


def both(pair: Pair, kind: type[A], aspect: str, name: str, what: str) -> tuple[A, A] | Gap | None:
    """The committed file and the rerun's, or why they are not compared; None where none is committed.

    ``name`` is the file's, ``what`` says what the rerun lacks.
    """
    theirs, ours = pair.theirs.one(kind), pair.ours.one(kind)
    if theirs is None:
        why = pair.unread(name)
        return missing(aspect, pair, pair.path(name), why) if why else None
    if ours is None:
        return missing(aspect, pair, theirs.path, f"the rerun {what}")
    return theirs, ours


def committed_pairs(run: Run, plan: RerunPlan, rerun: Output) -> Iterator[Pair]:
    """Each committed folder inside the span with the rerun's: the root only when its step was trained."""
    ended = plan.span == "whole" or any(part.stop == plan.total_steps for part in plan.parts)
    best = loaded_step(run)
    if best is not None and plan.covers(best):
        yield Pair(ROOT, best, run.root, _with_best(rerun, best, ended), run.contents, rerun.base)
    elif best is None and ended:
        state = run.root.one(TrainerState)
        step = state.global_step if state else plan.total_steps
        yield Pair(ROOT, step, run.root, rerun.root, run.contents, rerun.base)
    for folder in run.checkpoints:
        if folder.step and plan.covers(folder.step):
            key = f"checkpoint-{folder.step}"
            yield Pair(key, folder.step, folder, rerun.at(key), run.contents, rerun.base)


def _with_best(rerun: Output, step: int, ended: bool) -> Folder:
    """The rerun's final folder with the weights of the step that the run loaded at its end, and no others."""
    made = rerun.at(f"checkpoint-{step}").artifacts
    kinds: tuple[type[Artifact], ...] = (AdapterWeights, ModelWeights, AdapterConfig)
    weights = {kind: made.get(kind, ()) for kind in kinds}
    return Folder(ROOT, {**(rerun.root.artifacts if ended else {}), **weights})


def repeated_pairs(repeat: Output, rerun: Output) -> Iterator[Pair]:
    """The same moments of two trainings of ours."""
    for path, folder, contents in repeat.moments():
        yield Pair(path, folder.step, folder, rerun.at(path), contents, rerun.base)


def relative(one: float, two: float) -> float:
    """|one - two| / max(|one|, |two|): 0 for equal numbers and two NaN, infinite for one NaN."""
    if one == two or (math.isnan(one) and math.isnan(two)):
        return 0.0
    if not (math.isfinite(one) and math.isfinite(two)):
        return math.inf
    return abs(one - two) / max(abs(one), abs(two))


Floors = Mapping[tuple[str, str], float]
"""(aspect, key) -> the largest distance between our own trainings of the same plan."""


def of_updates(floors: Floors) -> list[float]:
    """The floors of the weights, without those of tensors besides the factors."""
    return [value for (aspect, key), value in floors.items() if aspect == "weights" and not is_outside(key)]


def is_outside(key: str) -> bool:
    """Whether a gap of this key is one of tensors besides an adapter's factors."""
    return key.endswith(OUTSIDE)
