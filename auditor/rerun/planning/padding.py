"""How rows were padded, where no file says it: the readings, and which of them the committed count of ids allows.

Dropout and NEFTune draw a number for every position of a batch, pads included, so a run that was padded otherwise has
other masks. ``total_flos`` counts the ids, pads included: 6 x parameters x ids for every batch (transformers 5.23.0,
modeling_utils.py, ``floating_point_ops``).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger
from auditor.model import Alternative, RerunPlan, Setting
from auditor.rerun.child.rows import Padding
from auditor.rerun.judging.gaps import committed_pairs, relative
from auditor.rerun.outputs import Output
from auditor.rerun.planning.extras import draws_by_width
from auditor.runs import Run

FIXED, MULTIPLE, SIDE, LENGTH = "pad_to_max_length", "pad_to_multiple_of", "padding_side", "max_length"
MULTIPLES = (8, 64)
"""What data collators round widths up to: LLaMA-Factory and many scripts to 8, axolotl to 64."""
NEAR = 0.006
"""Relative distance of two counts of the same ids: releases count the parameters of one model 0.4 % apart."""
EXACT = 1e-9
"""Relative distance of equal counts after a quotient of whole numbers."""
ALIKE = 2e-3
"""Relative distance of two first losses of the same rows: bfloat16 keeps 8 bits, logs of old releases four digits."""
WIDEST = 131_072
"""Ids that nobody pads rows to: a count beyond would have the rerun train as wide as whoever wrote the file chose."""
_WHY = "no file says how rows were padded, and dropout draws for the padding too"
Shapes = Sequence[tuple[int, int]]
"""Rows and width of every micro-batch."""


def settings(ledger: Ledger) -> Mapping[str, Setting]:
    """The side on which rows are padded, as declared, and what nothing declares: a multiple, a fixed width."""
    stated = ledger.statement(SIDE)
    usual = {
        key: Setting(value, "choice of the reference pipeline", assumed=True)
        for key, value in ((FIXED, False), (MULTIPLE, None), (SIDE, "right"))
    }
    if stated is None or stated.value not in ("left", "right"):
        return usual
    return {**usual, SIDE: Setting(stated.value, f"{stated.path}#{stated.member}")}


def readings(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """Other widths and the other side, where pads draw numbers and no file tells: all are open."""
    packing, length = known.get("packing"), known.get(LENGTH)
    if not draws_by_width(known) or (packing is not None and packing.value) or not _is_open(known, FIXED):
        return
    if length is not None and length.value:
        yield _reading({FIXED: True})
    for multiple in MULTIPLES if _is_open(known, MULTIPLE) else ():
        yield _reading({MULTIPLE: multiple})
    if _is_open(known, SIDE) and known["per_device_train_batch_size"].value != 1:
        yield _reading({SIDE: "left"})


def is_width(reading: Alternative) -> bool:
    """Whether a reading changes nothing but how wide batches are."""
    return bool(reading.changes) and set(reading.changes) <= {FIXED, MULTIPLE, LENGTH}


@dataclass(frozen=True, slots=True)
class Count:
    """The micro-batches of some steps of the rerun, and how many ids the committed run counted in these steps."""

    shapes: Shapes
    needed: float

    def of(self, padding: Padding) -> int:
        """How many ids the batches hold under another padding, whose rows are the same."""
        return sum(rows * padding.width(width) for rows, width in self.shapes)

    def gap(self, padding: Padding) -> float:
        """Relative distance of that count from the committed one."""
        return abs(self.of(padding) - self.needed) / max(self.needed, 1.0)


def allowed(run: Run, plan: RerunPlan, rerun: Output) -> tuple[Alternative, ...] | None:
    """The widths under which the rerun's batches hold as many ids as the run counted, the nearest first.

    None where the run counted none; nothing where the rerun's own count is the run's, or no width explains it.
    """
    counts = list(_counts(run, plan, rerun))
    if not counts:
        return None
    if all(count.gap(Padding()) <= EXACT for count in counts):
        return ()
    found: list[tuple[float, Alternative]] = []
    for changes, padding in _widths(plan.settings, counts):
        gap = max(count.gap(padding) for count in counts)
        if gap <= NEAR and any(count.of(padding) != count.of(Padding()) for count in counts):
            found.append((gap, _reading(changes)))
    return tuple(reading for _, reading in sorted(found, key=lambda item: item[0]))


def exact(run: Run, plan: RerunPlan, output: Output) -> Alternative | None:
    """The width under which a training's batches hold the ids that the run counted, to the last one.

    None where no width does, its batches hold them as they are, or a file says how rows were padded.
    """
    known = plan.settings
    packing = known.get("packing")
    if (packing is not None and packing.value) or not all(_is_open(known, key) for key in (FIXED, MULTIPLE)):
        return None
    counts = list(_counts(run, plan, output))
    if not counts or all(count.gap(Padding()) <= EXACT for count in counts):
        return None
    for changes, padding in _widths(known, counts):
        if all(count.gap(padding) <= EXACT for count in counts):
            return _reading(changes)
    return None


def agrees(run: Run, plan: RerunPlan, output: Output) -> bool:
    """Whether a training's batches hold as many ids as the run counted, and its first loss is the run's."""
    counts = list(_counts(run, plan, output))
    theirs = dict(state.logged("loss")) if (state := run.latest(TrainerState)) is not None else {}
    ours = dict(point for _, state in output.states() for point in state.logged("loss"))
    first = min(theirs.keys() & ours.keys(), default=None)
    if not counts or first is None or any(count.gap(Padding()) > EXACT for count in counts):
        return False
    return relative(theirs[first], ours[first]) <= ALIKE


def _widths(
    known: Mapping[str, Setting], counts: Sequence[Count]
) -> Iterator[tuple[Mapping[str, object], Padding]]:
    for multiple in MULTIPLES:
        yield {MULTIPLE: multiple}, Padding(multiple=multiple)
    length = known[LENGTH].value if LENGTH in known else None
    if isinstance(length, int) and length > 0:
        yield {FIXED: True}, Padding(length)
    width = _constant(counts)
    if (
        width is not None
        and width != length
        and LENGTH in known
        and not (length and width > int(str(length)))
    ):
        yield {FIXED: True, LENGTH: width}, Padding(width)


def _constant(counts: Sequence[Count]) -> int | None:
    """The one width that gives every count: that of the longest row of all, or a length that no file says.

    A row longer than that would have been cut, and the rerun's batches were none wider.
    """
    found = {count.needed / sum(rows for rows, _ in count.shapes) for count in counts}
    width = round(max(found))
    same = all(abs(item - width) <= EXACT * width for item in found)
    widest = max(each for count in counts for _, each in count.shapes)
    return width if same and widest <= width < WIDEST else None


def _counts(run: Run, plan: RerunPlan, rerun: Output) -> Iterator[Count]:
    shapes = _shapes(rerun)
    for pair in committed_pairs(run, plan, rerun):
        theirs, ours = pair.theirs.one(TrainerState), pair.ours.one(TrainerState)
        if theirs is None or ours is None or not theirs.global_step or theirs.global_step != ours.global_step:
            continue
        # Not the pair's step: weights may be those of the best one, and the count beside them is that of the last.
        step = theirs.global_step
        part = next((item for item in plan.trained if item.start < step <= item.stop), None)
        if part is None:
            continue
        steps = [shapes.get(at, []) for at in range(part.start + 1, step + 1)]
        before = _flops_at(run, part.resume)
        mine, made = (theirs.total_flos or 0) - before, (ours.total_flos or 0) - before
        drawn = [shape for each in steps for shape in each]
        needed = mine / made * sum(rows * width for rows, width in drawn) if mine > 0 and made > 0 else 0.0
        if all(steps) and 0 < needed < math.inf:
            yield Count(drawn, needed)


def _flops_at(run: Run, resume: str | None) -> float:
    folder = next((item for item in run.checkpoints if resume is not None and item.path == resume), None)
    state = folder.one(TrainerState) if folder is not None else None
    return (state.total_flos or 0) if state is not None else 0


def _shapes(rerun: Output) -> Mapping[int, Shapes]:
    found: dict[int, Shapes] = {}
    for line in rerun.steps():
        step, shapes = line.get("step"), line.get("shapes")
        if isinstance(step, int) and isinstance(shapes, list):
            found[step] = [(rows, width) for rows, width in shapes]
    return found


def _is_open(known: Mapping[str, Setting], key: str) -> bool:
    return key in known and known[key].assumed and known[key].value in (None, False, "right")


def _reading(changes: Mapping[str, object]) -> Alternative:
    words = ", ".join(f"{key} = {value}" for key, value in changes.items())
    return Alternative(changes, f"{words}: {_WHY}", open=True)
