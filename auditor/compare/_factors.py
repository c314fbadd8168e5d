"""The two factors of one module's update, checked before they are read and read block by block in float64."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts._tensor_bytes import read
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._names import Module

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 18
"""Elements of a factor looked at in one go: 2 MB in float64, so that an lm_head of any size fits."""
RANK_LIMIT = 1024
"""Largest rank compared; the Gram matrices of both sides and their difference are 75 MB in float64."""
WHOLE = 1 << 20
"""Elements up to which an A is read whole (4 MB in float32); of a larger one columns are read."""
FACTOR_LIMIT = 1 << 27
"""Most elements of an A (512 MB in float32); rank 128 over 262,208 tokens has 2**25."""


class NotComparableError(Exception):
    """Why two updates cannot be compared: one clause without a full stop."""


class BrokenError(NotComparableError):
    """Why a file defines no update for a module at all, whatever it is compared with."""


@dataclass(frozen=True, slots=True)
class Factors:
    """One module's update ``scaling * b @ a`` in one file; kernel dimensions count as columns of ``a``."""

    weights: AdapterWeights
    a: TensorInfo
    b: TensorInfo
    scaling: float

    @property
    def rank(self) -> int:
        """Rows of A."""
        return self.a.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in) of the update, a convolution's kernel flattened into in."""
        return self.b.shape[0], self.a.elements // self.rank

    @property
    def dimensions(self) -> tuple[int, ...]:
        """(out, in, kernel...) of the update; a kernel of 1 x 1 is none."""
        sizes = [self.b.shape[0], *self.a.shape[1:]]
        while len(sizes) > 2 and sizes[-1] == 1:
            sizes.pop()
        return tuple(sizes)

    @property
    def rows(self) -> int:
        """Rows of a tall factor (B, or A transposed) that make one block."""
        return max(1, BLOCK // self.rank)

    def left(self, rows: int) -> Iterator["NDArray[Any]"]:
        """B, unscaled and as stored, in blocks of (up to ``rows``, r). Raises CannotRead."""
        for chunk in self.weights.chunks(self.b.name, rows * self.rank):
            yield chunk.reshape(-1, self.rank)

    def right(self, rows: int) -> Iterator["NDArray[Any]"]:
        """A transposed, as stored, in blocks of (up to ``rows``, r). Raises CannotRead."""
        if self.a.elements > WHOLE:
            yield from self._columns(rows)
            return
        whole = self.weights.array(self.a.name).reshape(self.rank, -1)
        for start in range(0, whole.shape[1], rows):
            yield whole[:, start : start + rows].T

    def _columns(self, rows: int) -> Iterator["NDArray[Any]"]:
        """`right` of an A that is never whole in memory: a piece of each row at a time."""
        import numpy

        columns = self.shape[1]
        with self.weights.opened() as file:
            region = self.weights.region(self.a.name, file)
            if region.strides is None:
                for start in range(0, columns, rows):
                    count = min(rows, columns - start)
                    pieces = [read(file, region, row * columns + start, count) for row in range(self.rank)]
                    yield numpy.stack(pieces).T
                file.verify()
                return
        whole = self.weights.array(self.a.name).reshape(self.rank, -1)
        for start in range(0, columns, rows):
            yield whole[:, start : start + rows].T


def factors_of(weights: AdapterWeights, pair: LoraPair, scaling: float) -> Factors:
    """The factors of a module when their shapes make a product of a size that is read. Raises NotComparableError."""
    module, a, b = pair.module, pair.a, pair.b
    if a is None or b is None:
        raise BrokenError(f"{weights.path} holds only one factor of {module}")
    if len(a.shape) < 2 or len(b.shape) < 2 or b.shape[1] != a.shape[0] or math.prod(b.shape[2:]) != 1:
        raise BrokenError(f"the factors of {module} in {weights.path} do not fit each other")
    if "C64" in (a.dtype, b.dtype):
        raise NotComparableError(f"the factors of {module} in {weights.path} are complex numbers")
    if a.shape[0] < 1:
        raise BrokenError(f"the factors of {module} in {weights.path} have rank 0")
    if a.shape[0] > RANK_LIMIT or a.elements > FACTOR_LIMIT:
        raise NotComparableError(f"the factors of {module} in {weights.path} are too large to compare")
    return Factors(weights, a, b, scaling)


def scaling_of(weights: AdapterWeights, config: AdapterConfig, module: str, rank: int) -> float:
    """The factor of B A, when the tensors have the rank it was computed for. Raises NotComparableError."""
    declared = config.rank_of(module)
    if rank != declared:
        raise NotComparableError(
            f"{module} has rank {rank} in {weights.path} and {declared} in {config.path}"
        )
    scaling = config.scaling_of(module)
    if not math.isfinite(scaling):
        raise NotComparableError(f"{config.path} does not tell the scaling of {module}")
    return scaling


def own_scaling(weights: AdapterWeights, module: Module, rank: int) -> float | None:
    """alpha / rank where kohya's files hold a module's alpha; else None. Raises NotComparableError and CannotRead."""
    if module.alpha is None:
        return None
    alpha = float(weights.array(module.alpha.name).reshape(-1)[0]) if module.alpha.elements == 1 else math.nan
    if not math.isfinite(alpha):
        raise NotComparableError(f"{weights.path} does not tell the scaling of {module.pair.module}")
    return alpha / rank


def wide(block: "NDArray[Any]") -> "NDArray[Any]":
    """The same numbers in float64."""
    import numpy

    return block.astype(numpy.float64)
