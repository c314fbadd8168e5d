"""The R of a tall matrix's QR decomposition, kept as half a square, while blocks of the matrix's rows pass by once."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PANEL = 32
"""Rows of R that are made at a time: the fastest of 32, 64, 128 and 256 up to 512 columns, and 1.07 of it at 2,048."""
_ELEMENTS = 1 << 16
"""Elements of a block of rows, half a megabyte in float64: twice as many were no faster at 16 to 64 columns."""
_ROWS = 256
"""Least rows of a block."""


class Triangle:
    """R of all rows so far, (columns, columns) in float64, in panels of `_PANEL` rows, each from the diagonal on.

    A block of rows is taken up panel by panel. The first columns of a panel, a triangle T, are decomposed with those
    of the block, [T; C] = (I - V S V^T) [T'; 0] with V = [I; W], and the reflections are applied to all columns behind
    them. Source: Schreiber and Van Loan, A storage-efficient WY representation for products of Householder
    transformations, SIAM J. Sci. Stat. Comput. 10(1), 1989; S from the products of V's columns: Puglisi, Modification
    of the Householder method based on the compact WY representation, ibid. 13(3), 1992.
    """

    def __init__(self) -> None:
        self.rows = self.columns = 0
        """Of the matrix so far."""
        self._panels: list[NDArray[Any]] = []

    @staticmethod
    def memory(columns: int) -> int:
        """Bytes of R of a matrix of so many columns."""
        return 4 * columns * (columns + _PANEL)

    @property
    def panels(self) -> Iterator[tuple[int, "NDArray[Any]"]]:
        """Rows of R from the diagonal on, with the number of their first row and column."""
        return zip(range(0, self.columns, _PANEL), self._panels, strict=False)

    def add(self, block: "NDArray[Any]") -> None:
        """Add rows, (rows, columns) in float64; R is not finite when they are not. They are left as they are."""
        import numpy

        if not self._panels:
            self.columns = block.shape[1]
            widths = range(self.columns, 0, -_PANEL)
            self._panels = [numpy.zeros((min(_PANEL, width), width)) for width in widths]
        self.rows += len(block)
        for panel in self._panels:
            block = _taken_up(panel, block)

    def normalised(self) -> int | None:
        """Divide by a power of two, which is returned: the largest element is near 1 then. None if one is infinite."""
        import numpy

        largest = max((float(numpy.abs(panel).max()) for _, panel in self.panels), default=0.0)
        if not math.isfinite(largest):
            return None
        power = math.frexp(largest)[1]
        for panel in self._panels:
            numpy.ldexp(panel, -power, out=panel)
        return power


def _taken_up(panel: "NDArray[Any]", block: "NDArray[Any]") -> "NDArray[Any]":
    """Have the first rows of R take up a block of as many columns: what is left of it, without the panel's columns."""
    import numpy

    rows = len(panel)
    if panel.shape[1] == rows:
        found = numpy.linalg.qr(numpy.vstack((panel, block)) if panel.any() else block, mode="r")
        panel[: len(found)] = found
        return block[:, :0]
    made, tau = numpy.linalg.qr(numpy.vstack((panel[:, :rows], block[:, :rows])), mode="raw")
    panel[:, :rows] = numpy.triu(made.T[:rows])
    below = made.T[rows:]
    # A column that was zero already is reflected by nothing: its tau is 0, and so is its part of S.
    inverse = numpy.triu(below.T @ below, 1) + numpy.diag(1 / numpy.where(tau, tau, 1))
    try:
        s = numpy.linalg.inv(inverse) * (tau != 0)
    except numpy.linalg.LinAlgError:
        s = numpy.full_like(inverse, math.nan)
    moved = s.T @ (panel[:, rows:] + below.T @ block[:, rows:])
    panel[:, rows:] -= moved
    left: NDArray[Any] = block[:, rows:] - below @ moved
    return left


def product(one: Triangle, two: Triangle) -> "NDArray[Any]":
    """R1 R2^T, (columns of one, columns of two)."""
    import numpy

    found = numpy.empty((one.columns, two.columns))
    for start, x in one.panels:
        for begin, y in two.panels:
            common = max(start, begin)
            made = x[:, common - start :] @ y[:, common - begin :].T
            found[start : start + len(x), begin : begin + len(y)] = made
    return found


def triangle(blocks: Iterable["NDArray[Any]"]) -> Triangle:
    """The R of all blocks."""
    found = Triangle()
    for block in blocks:
        found.add(block)
    return found


def row_count(columns: int) -> int:
    """Rows of a block that is taken up at a time."""
    return max(_ROWS, _ELEMENTS // columns)


def blocks(*tall: "NDArray[Any]") -> Iterator[Sequence["NDArray[Any]"]]:
    """Tall matrices of equal length in such blocks of all their columns together."""
    step = row_count(sum(matrix.shape[1] for matrix in tall))
    for start in range(0, len(tall[0]), step):
        yield [matrix[start : start + step] for matrix in tall]
