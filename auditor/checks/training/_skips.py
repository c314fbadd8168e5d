"""How many steps fp16's loss scaler can have skipped."""

from auditor.artifacts.scaler_state import ScalerState

INTERVAL = 2000
"""Clean steps until the scale doubles (torch/amp/grad_scaler.py, growth_interval)."""


def explains(scaler: ScalerState, made: int, skipped: int) -> bool:
    """Whether scale = 65536 x 2^(doublings - skips) holds for a possible number of doublings."""
    net = scaler.growths_minus_skips
    most = made // (scaler.growth_interval or INTERVAL)
    return net is not None and 0 <= net + skipped <= most
