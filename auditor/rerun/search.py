"""What to train after the rerun: controls where neither bits nor noise settle it, then readings until one fits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditor.claims import Ledger
from auditor.model import Alternative, Control, RerunPlan, RerunResult, Setting, Verdict
from auditor.rerun import probes
from auditor.rerun.controls import controls
from auditor.rerun.judging.measured import Measured
from auditor.rerun.judging.published import origin
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning import padding
from auditor.rerun.trials import HYPOTHESIS, Trial
from auditor.runs import Run

MOST = 10
"""Other readings that are trained at most. What is open beyond them stays open."""
NEARER = 0.5
"""A control explains a run that lies at most this share of its distance from the declared recipe away from it."""
_DECLARED = ("scheduler", "state", "rng", "flops")
_FITS = (Verdict.IDENTICAL, Verdict.EQUIVALENT)


@dataclass(slots=True)
class Search:
    """Asks for trainings one after the other, and turns everything that was trained into one result."""

    run: Run
    ledger: Ledger
    plan: RerunPlan
    options: RerunOptions
    readings: Mapping[str, Alternative] = field(default_factory=dict)
    settled: str | None = None
    """The name of the reading under which batches are as wide as the run counted; the others are tried on top of it."""

    measured: Measured = field(default_factory=Measured)

    def __post_init__(self) -> None:
        self.readings = _named(self._usable())

    def _usable(self) -> Sequence[Alternative]:
        """The plan's readings that change it; where no file decides, a run is as honest either way: those first."""
        usable = [item for item in self.plan.alternatives if self._changes_something(item)]
        return sorted(usable, key=lambda item: not item.open)

    def __call__(self, outputs: Outputs) -> Sequence[Trial]:
        """What to train next; nothing when the question is settled or the options forbid more."""
        declared = judge(self.run, self.ledger, self.plan, outputs, measured=self.measured)
        self._know(outputs)
        if _is_settled(declared):
            return ()
        if self.options.controls and not outputs.controls:
            return controls(self.plan, outputs.rerun)
        if not self.options.hypotheses or _is_proved(declared):
            return ()
        if outputs.hypotheses and self._judged(outputs, outputs.hypotheses[-1]).verdict in _FITS:
            return ()
        if not outputs.probes and not outputs.hypotheses:
            beginnings = probes.probes(self.run, self.plan, self.readings)
            if beginnings:
                return beginnings
        failed = self.readings.keys() & set(outputs.failed)
        left = [name for name in self._left(outputs) if name not in failed]
        return (
            [self._trial(name) for name in left[:1]] if len(outputs.hypotheses) + len(failed) < MOST else ()
        )

    def _know(self, outputs: Outputs) -> None:
        """Take what the run's own count of ids says of padding: which widths are tried, and which one it was."""
        usable = self._usable()
        told = (
            padding.allowed(self.run, self.plan, outputs.rerun)
            if any(map(padding.is_width, usable))
            else None
        )
        if told is None:
            return
        widths = {f"width-{number}": item for number, item in enumerate(told, 1)}
        fits = (
            output.name
            for output in outputs.hypotheses
            if output.name in widths and padding.agrees(self.run, self.plan, output)
        )
        self.settled = next(fits, None)
        others = _named(usable)
        if self.settled is not None:
            others = {name: _on_top(item, widths[self.settled]) for name, item in others.items()}
        self.readings = widths | {name: item for name, item in others.items() if not padding.is_width(item)}

    def result(self, outputs: Outputs) -> RerunResult:
        """The verdict on the declared recipe, with every control and reading, and the one that fits."""
        declared = judge(self.run, self.ledger, self.plan, outputs, measured=self.measured)
        self._know(outputs)
        rows = tuple(
            self._control(outputs, output)
            for output in outputs.controls
            if self.measured.is_another(output, outputs.rerun)
        )
        readings = {output.name: self._judged(outputs, output) for output in outputs.hypotheses}
        tried = tuple(
            self._control(outputs, output, readings[output.name].verdict) for output in outputs.hypotheses
        )
        begun = self._begun(outputs)
        refuted = [probe for probe in outputs.probes if begun[probes.reading_of(probe)] is Verdict.DIVERGED]
        tried = (*tried, *map(probes.row, refuted))
        fitting = self._fitting(readings, declared)
        if fitting is None and self.settled in readings:
            why = f"{readings[self.settled].why} Taken: {self.readings[self.settled].words}, as the run counts its ids."
            declared = replace(readings[self.settled], why=why)
        if fitting is None:
            found = self._with_a_suspicion(replace(declared, controls=(*rows, *tried)), outputs)
            return self._unless_open(found, {*readings, *map(probes.reading_of, refuted)})
        reading, found = self.readings[fitting], readings[fitting]
        nearest = f"{found.verdict.word} with {reading.words}"
        if reading.open:
            why = f"{found.why} With {reading.words}, which no file decides."
            return replace(found, controls=(*rows, *tried), nearest=nearest, why=why)
        why = f"The committed files are {nearest}. {declared.why}"
        return replace(declared, controls=(*rows, *tried), nearest=nearest, why=why)

    def _fitting(self, readings: Mapping[str, RerunResult], declared: RerunResult) -> str | None:
        """The first reading of bits or noise; else an open one that is consistent, as the declared recipe may be."""
        fitting = next((name for name, found in readings.items() if found.verdict in _FITS), None)
        if fitting is not None or declared.verdict is not Verdict.DIVERGED:
            return fitting
        beaten = (name for name, found in readings.items() if found.verdict is Verdict.CONSISTENT)
        return next((name for name in beaten if self.readings[name].open), None)

    def _left(self, outputs: Outputs) -> Sequence[str]:
        """Readings that are neither tried nor refuted: those whose beginning fits, then as they are listed."""
        tried, begun = {output.name for output in outputs.hypotheses}, self._begun(outputs)
        left = (
            name for name in self.readings if name not in tried and begun.get(name) is not Verdict.DIVERGED
        )
        return sorted(left, key=lambda name: begun.get(name) not in _FITS)

    def _begun(self, outputs: Outputs) -> Mapping[str, Verdict]:
        """The verdict of each reading that was trained up to the first logged loss."""
        found = {probes.reading_of(probe): self._judged(outputs, probe).verdict for probe in outputs.probes}
        return {**found, **dict.fromkeys(probes.contradicted(self.run, outputs), Verdict.DIVERGED)}

    def _with_a_suspicion(self, result: RerunResult, outputs: Outputs) -> RerunResult:
        """What the weights look like: some checkpoint's where one is as the recipe makes it, else a control's."""
        weights = [item for item in result.aspects if item.aspect == "weights"]
        if not any(item.verdict in _FITS for item in weights):
            apart = self.measured.to_committed(self.run, self.plan, outputs.rerun)
            return _with_nearest_control(result, apart)
        if (
            not any(item.verdict is Verdict.DIVERGED for item in weights)
            or (found := origin(self.run)) is None
        ):
            return result
        nearest = f"the published adapter is {found}"
        return replace(result, nearest=nearest, why=f"{result.why} {nearest[0].upper()}{nearest[1:]}.")

    def _unless_open(self, result: RerunResult, tried: set[str]) -> RerunResult:
        """A divergence accuses nobody, and no file is a finding, while a reading that no file decides was not tried.

        Counters, schedules and shapes follow from what is declared under every reading: they stay.
        """
        left = [item.words for name, item in self.readings.items() if item.open and name not in tried]
        hard = [
            item
            for item in result.aspects
            if item.verdict is Verdict.DIVERGED
            and (item.aspect in _DECLARED or item.distance is None or math.isinf(item.distance))
        ]
        if result.verdict is not Verdict.DIVERGED or not left or hard or result.nearest is not None:
            return result
        if _is_proved(result, "optimizer"):
            return result
        unknown = f"no file decides {', '.join(left)}, which was not tried"
        aspects = tuple(
            replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{item.why}; but {unknown}")
            if item.verdict is Verdict.DIVERGED
            else item
            for item in result.aspects
        )
        why = f"{result.why} But {unknown}."
        return replace(result, verdict=Verdict.INCONCLUSIVE, aspects=aspects, why=why)

    def _changes_something(self, item: Alternative) -> bool:
        settings = self.plan.settings
        return any(key in settings and settings[key].value != value for key, value in item.changes.items())

    def _trial(self, name: str) -> Trial:
        reading = self.readings[name]
        return Trial(name, HYPOTHESIS, reading.words, reading.changes)

    def _judged(self, outputs: Outputs, output: Output) -> RerunResult:
        """The verdict that the committed files would get under a reading, with the same measure of noise."""
        reading = self.readings[probes.reading_of(output)]
        changes = output.trial.changes if output.trial is not None else reading.changes
        changed = {key: Setting(value, reading.says, assumed=reading.open) for key, value in changes.items()}
        plan = replace(self.plan, settings={**self.plan.settings, **changed})
        if output.trial is not None:
            plan = output.trial.of(plan)
        return judge(self.run, self.ledger, plan, outputs, output, self.measured)

    def _control(self, outputs: Outputs, output: Output, verdict: Verdict | None = None) -> Control:
        return Control(
            output.says,
            output.trial.role if output.trial else "",
            self.measured.to_rerun(output, outputs.rerun),
            self.measured.to_committed(self.run, self.plan, output),
            verdict,
        )


def _named(usable: Sequence[Alternative]) -> dict[str, Alternative]:
    return {f"reading-{number}": item for number, item in enumerate(usable, 1)}


def _on_top(reading: Alternative, settled: Alternative) -> Alternative:
    """A reading together with the one that is settled."""
    if padding.is_width(reading):
        return reading
    changes, name = {**settled.changes, **reading.changes}, f"{settled.words}, {reading.words}"
    return replace(reading, changes=changes, name=name)


def _is_settled(result: RerunResult) -> bool:
    """Whether bits or noise explain everything that could be measured, the weights above all."""
    open_ones = [
        item
        for item in result.aspects
        if item.aspect == "weights" and item.distance is not None and item.verdict is Verdict.INCONCLUSIVE
    ]
    return result.verdict in _FITS and not open_ones


def _is_proved(result: RerunResult, *also: str) -> bool:
    """Whether the bits of a checkpoint show that the recipe was read as it was meant: other readings make others.

    The moments of an ``optimizer`` are as much a proof as weights: sums over all gradients before them. They do not
    end the search, which may still name what the weights are.
    """
    proofs = ("weights", *also)
    return any(item.verdict is Verdict.IDENTICAL and item.aspect in proofs for item in result.aspects)


def _with_nearest_control(result: RerunResult, apart: float | None) -> RerunResult:
    """Name the control that the committed weights are clearly nearer to than to the declared recipe.

    ``apart`` is the declared recipe's distance, measured as the controls' are. Weights that are another recipe's to the
    last bit are not the declared one's, however loud the noise is.
    """
    measured = [(item.to_committed, item.says) for item in result.controls if item.to_committed is not None]
    if _is_settled(result) or result.verdict is Verdict.CONSISTENT or not apart or not measured:
        return result
    distance, says = min(measured)
    if distance > NEARER * apart:
        return result
    nearest = f"looks like {says}"
    if distance == 0:
        why = f"The committed weights are bit for bit those of {says}, and not of the declared recipe."
        return replace(result, verdict=Verdict.DIVERGED, nearest=nearest, why=why)
    return replace(result, nearest=nearest, why=f"{result.why} It {nearest}.")
