"""What is measured of one module of two adapters, and how far rounding of its factors moves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.compare._factors import Factors

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Measured:
    """Squared Frobenius norms of two updates and of their difference; ``same`` when all factors are equal.

    ``base_noise`` and ``head_noise`` are squared norms too: of what rounding the factors to their dtype adds to each
    update at most, were it spread evenly (`noise_of`); 0 where that was not looked at.
    """

    base: float
    head: float
    gap: float
    same: bool = False
    base_noise: float = 0.0
    head_noise: float = 0.0


_ROUNDED: Mapping[str, float] = {"F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
"""Largest relative error of a number rounded to nearest."""


def noise_of(factors: Factors, left: "NDArray[Any]", right: "NDArray[Any]", scaling: float) -> float:
    """What rounding of the factors adds to the square of one update, from the squares of B's columns and of A's rows.

    Errors e of B and f of A make e A + B f; those of single elements have nothing to do with each other, so that the
    squares add up to sum_k |e_k|^2 |A_k|^2 + |B_k|^2 |f_k|^2 over columns of B and rows of A. An element's error is at
    most u times it, and spread evenly its square is a third of that.
    """
    units = sum(_ROUNDED.get(info.dtype, 0.0) ** 2 for info in (factors.a, factors.b))
    return scaling**2 * units / 3 * float(left @ right)


def inner(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    """The sum of the products of elements: of an array with itself its squared Frobenius norm."""
    import numpy

    return float(numpy.vdot(one, two))


def squares_of_columns(array: "NDArray[Any]") -> "NDArray[Any]":
    """The square of each column's length."""
    import numpy

    return numpy.asarray(numpy.einsum("ij,ij->j", array, array))
