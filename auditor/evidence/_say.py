"""Short forms for what evidence yields, and how numbers look in its sentences."""

from fractions import Fraction

from auditor.model import Evidence, Status


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


def is_whole(value: object) -> bool:
    """True for an integer that is no boolean, and for a float without a fraction."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def whole(value: object) -> int | None:
    """The value as an integer when it is a whole number, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def real(value: object) -> float | None:
    """The value as a float when it is a number (never a boolean), else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
