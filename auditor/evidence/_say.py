"""Short forms for what evidence yields, and how numbers look in its sentences."""

import math
import re
from fractions import Fraction

from auditor.model import Evidence, Status

LIMIT = 2**63
"""Integers from here on are no setting and no count of any trainer, and may not fit a float."""
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")


def verified(claim: str, says: str, detail: str = "", value: object = None, *paths: str) -> Evidence:
    """The claim holds by this test; ``paths`` are the files used."""
    return Evidence(claim, Status.VERIFIED, says, detail, value, paths=paths)


def contradicted(claim: str, says: str, detail: str = "", value: object = None, *paths: str) -> Evidence:
    """The claim cannot be true by this test."""
    return Evidence(claim, Status.CONTRADICTED, says, detail, value, paths=paths)


def unverifiable(claim: str, says: str, *paths: str) -> Evidence:
    """The test that would decide the claim cannot be made; ``says`` why."""
    return Evidence(claim, Status.UNVERIFIABLE, says, paths=paths)


def number(value: int | float | Fraction) -> str:
    """``460800`` is ``460,800``; fractions and floats keep six significant digits."""
    if isinstance(value, Fraction):
        value = value.numerator if value.denominator == 1 else float(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def count(amount: int, noun: str) -> str:
    """``1 token``, ``1,024 tokens``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def whole(value: object) -> int | None:
    """The value as an integer within 64 bits when it is one, or a string that spells one; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) < LIMIT else None


def real(value: object) -> float | None:
    """The value as a float when it is a finite number (an integer within 64 bits); else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) >= LIMIT:
        return None
    return float(value) if math.isfinite(value) else None
