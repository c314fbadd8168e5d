"""scaler.pt: how many steps fp16's gradient scaler skipped, from the scale it ended with."""

from dataclasses import dataclass

from auditor.artifacts.scaler_state import INITIAL_SCALE, ScalerState

INTERVAL = 2000
"""Clean steps until the scale doubles (torch 2.13.0, amp/grad_scaler.py, ``growth_interval``)."""
_MOST = 1_000_000
"""Numbers of skips that are tried."""


@dataclass(frozen=True, slots=True)
class ScalerDescription:
    """A gradient scaler after ``steps`` steps, those it skipped counted (the Trainer's ``global_step`` counts them).

    scale = 65,536 x 2^(growths - skips), torch's default begin. ``skips`` and ``growths`` are (least, most) that the
    scale, the growth tracker and the number of steps allow together; None when no number does, or when the steps are
    not known and the scale alone does not tell. ``says`` is the sentence.
    """

    path: str
    scale: float | None
    growth_tracker: int | None
    growth_interval: int
    growths_minus_skips: int | None
    steps: int | None
    skips: tuple[int, int] | None
    growths: tuple[int, int] | None
    says: str


def describe_scaler(scaler: ScalerState, global_step: int | None) -> ScalerDescription:
    """What a scaler says about ``global_step`` steps. Never raises.

    A growth follows ``growth_interval`` clean steps, and a skip throws away the clean steps counted so far, at most
    one less than that each: with s skips, g growths and t in the tracker, s + g x interval + t <= steps, and what is
    left over is at most s x (interval - 1).
    """
    interval = scaler.growth_interval or INTERVAL
    net = scaler.growths_minus_skips
    skips = _skips(net, scaler.growth_tracker or 0, interval, global_step)
    growths = (net + skips[0], net + skips[1]) if skips is not None and net is not None else None
    return ScalerDescription(
        scaler.path,
        scaler.scale,
        scaler.growth_tracker,
        interval,
        net,
        global_step,
        skips,
        growths,
        _sentence(scaler, net, global_step, skips, growths),
    )


def _skips(net: int | None, tracker: int, interval: int, steps: int | None) -> tuple[int, int] | None:
    """The least and most skips; possible numbers have no gaps that matter to a reader."""
    if net is None or steps is None or steps < 0 or not 0 <= tracker < interval:
        return None
    found: list[int] = []
    for skipped in range(max(0, -net), max(0, -net) + _MOST):
        left = steps - (skipped + (net + skipped) * interval + tracker)
        if left < 0:
            break
        if left <= skipped * (interval - 1):
            found.append(skipped)
    return (found[0], found[-1]) if found else None


def _sentence(
    scaler: ScalerState,
    net: int | None,
    steps: int | None,
    skips: tuple[int, int] | None,
    growths: tuple[int, int] | None,
) -> str:
    if scaler.scale is None:
        return "the scaler was never used"
    if net is None:
        return f"the scale {scaler.scale:g} is no power of two away from {INITIAL_SCALE:g}, so it had another begin"
    if steps is None:
        return f"the scale {scaler.scale:g} is {net:+d} doublings from {INITIAL_SCALE:g}; the steps are not known"
    if skips is None or growths is None:
        return (
            f"no number of skipped steps leaves a scale of {scaler.scale:g} after {steps:,} steps from "
            f"{INITIAL_SCALE:g}; the scaler began from another scale or counted other steps"
        )
    doublings = "doubling" if growths == (1, 1) else "doublings"
    return f"{_range(skips)} of {steps:,} steps skipped, and {_range(growths)} {doublings} of the scale"


def _range(found: tuple[int, int]) -> str:
    return f"{found[0]:,}" if found[0] == found[1] else f"{found[0]:,} to {found[1]:,}"
