"""Two tensors, and two sets of tensors, compared number by number in chunks of bounded size.

    compare_weights(base, head)   two files, or two `WeightSet` of shards
    TensorByTensor(base, head)    the same for tensors in any order
    compare_chunks(name, pairs)   arrays that somebody else reads

Files of any size pass through a few megabytes a thread; nothing is mapped into memory and no torch is needed.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts._opened import Opened
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._differences import TensorDifference, WeightsDifference, difference
from auditor.compare._engine import PIECE, Pair, sums_of_pairs
from auditor.compare._equal_files import are_equal_files, have_equal_rest
from auditor.compare._open_sets import open_side
from auditor.compare._sets import WeightSet, as_set
from auditor.compare._sources import source
from auditor.compare._sums import Sums
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from auditor.compare._one_pass import Needs
    from auditor.compare._running import RunningSums

__all__ = [
    "Sums",
    "TensorByTensor",
    "TensorDifference",
    "WeightSet",
    "WeightsDifference",
    "compare_chunks",
    "compare_weights",
    "difference",
    "sums_by_name",
    "sums_of",
]


def compare_weights(
    base: AdapterWeights | WeightSet,
    head: AdapterWeights | WeightSet,
    threads: int | None = None,
    chunk: int = PIECE,
) -> WeightsDifference:
    """Compare two sides tensor by tensor; what cannot be read is said of its tensor, never raised.

    Equal digests are believed without reading; files without digests are compared byte by byte first, so that what is
    equal before the first difference is read twice (`TensorByTensor` reads all once). ``threads``:
    None takes one for two cores, at most four; they change nothing in the result. With another ``chunk``, in elements,
    sums of squares may round to another last digit of float32.
    """
    one, two = as_set(base), as_set(head)
    if (known := one.identities) is not None and known == two.identities:
        return WeightsDifference(f"equal {known[0].algorithm}")
    if are_equal_files(one, two):
        return WeightsDifference("equal bytes")
    with TensorByTensor(one, two, threads, chunk) as made:
        made.look(made.names)
        return made.result()


class TensorByTensor:
    """`compare_weights` for tensors that are looked at in any order, each once; a context manager.

    ``names`` are those that have one shape on both sides. Equal files are told by their tensors, which are read once;
    only where all of them are equal is the rest compared.
    """

    def __init__(
        self, base: WeightSet, head: WeightSet, threads: int | None = None, chunk: int = PIECE
    ) -> None:
        numpy_module()
        self._sets = base, head
        self._threads, self._chunk = threads, chunk
        self._stack = ExitStack()
        self._base, self._head = open_side(base, self._stack), open_side(head, self._stack)
        self._both = [name for name in self._base.names if name in self._head.known]
        self._found: dict[str, TensorDifference] = {}
        self.sums: dict[str, Sums] = {}
        """Of the tensors that were read; of packed ones those of the numbers they stand for."""
        self._same_bytes = True
        self.names = [name for name in self._both if self._base.form(name)[1] == self._head.form(name)[1]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def needs(self, files: tuple[int, int], name: str) -> "Needs":
        """The stored tensors that comparing a name takes, by the numbers of the files that hold it."""
        return tuple(
            (file, side.needs(name)) for file, side in zip(files, (self._base, self._head), strict=True)
        )

    def look(self, names: Iterable[str], told: Callable[[str], None] | None = None) -> None:
        """Compare some tensors; nothing is raised. ``told`` hears of each that is done."""
        base, head = self._base, self._head
        pairs: list[Pair] = []
        for name in names:
            try:
                pairs.append(Pair(name, base.source(name), head.source(name)))
            except CannotRead as error:
                self._take(name, error)
        for name, sums in sums_of_pairs(pairs, self._threads, self._chunk):
            self._take(name, sums)
            if told is not None:
                told(name)

    def running(self, files: tuple[int, int], name: str) -> "Sequence[RunningSums] | None":
        """What compares a tensor of the files of these numbers while it passes by in slices; None for packed ones."""
        from auditor.compare._running import RunningSums

        if name in self._base.packed or name in self._head.packed:
            return None
        return (RunningSums([(file, name) for file in files], lambda sums: self._take(name, sums)),)

    def _take(self, name: str, sums: Sums | CannotRead) -> None:
        self._found[name] = _difference(name, math.prod(self._base.form(name)[1]), sums)
        self._same_bytes = self._same_bytes and isinstance(sums, Sums) and sums.same_bytes
        if isinstance(sums, Sums):
            self.sums[name] = sums

    def have_equal_files(self) -> bool:
        """Whether both sides are the same files, when all names were looked at."""
        one, two = self._sets
        if (
            not self._same_bytes
            or list(one.tensors) != list(two.tensors)
            or len(self.names) != len(one.tensors)
        ):
            return False
        return have_equal_rest(one, two)

    def result(self) -> WeightsDifference:
        """What differs, when all names were looked at."""
        base, head = self._base, self._head
        absent = [
            TensorDifference(name, math.prod(here.form(name)[1]), unread=why)
            for here, there in ((base, head), (head, base))
            for name in here.names
            if name not in there.known and (why := there.weights.why_absent(name)) is not None
        ]
        apart = {item.name for item in absent}
        return WeightsDifference(
            "numbers",
            tuple(name for name in base.names if name not in head.known and name not in apart),
            tuple(name for name in head.names if name not in base.known and name not in apart),
            tuple(
                (name, base.described(name), head.described(name))
                for name in self._both
                if base.form(name) != head.form(name)
            ),
            (*(self._found[name] for name in self.names), *absent),
            (*base.notes, *head.notes),
            base.weights.complete and head.weights.complete,
            base.parts | head.parts,
        )


def _difference(name: str, elements: int, sums: Sums | CannotRead) -> TensorDifference:
    if isinstance(sums, Sums):
        return difference(name, sums)
    return TensorDifference(name, elements, unread=sums.reason)


def sums_by_name(
    wanted: Iterable[tuple[str, AdapterWeights, AdapterWeights]],
) -> Iterator[tuple[str, Sums | CannotRead]]:
    """The sums of tensors of equal shape, or why there are none: each name with the file of either side.

    Those that cannot be opened come first, the others in order.
    """
    numpy_module()
    pairs: list[Pair] = []
    with ExitStack() as stack:
        files: dict[int, Opened | CannotRead] = {}
        for name, base, head in wanted:
            try:
                one, two = (_opened(item, files, stack) for item in (base, head))
                left = source(one, base.region(name, one))
                pairs.append(Pair(name, left, left if base is head else source(two, head.region(name, two))))
            except CannotRead as error:
                yield name, error
        yield from sums_of_pairs(pairs)


def _opened(weights: AdapterWeights, files: dict[int, Opened | CannotRead], stack: ExitStack) -> Opened:
    """A file that is opened once, and closed by the stack. Raises CannotRead."""
    if id(weights) not in files:
        try:
            files[id(weights)] = stack.enter_context(weights.opened())
        except CannotRead as error:
            files[id(weights)] = error
    found = files[id(weights)]
    if isinstance(found, CannotRead):
        raise found
    return found


def compare_chunks(name: str, pairs: Iterable[tuple["NDArray[Any]", "NDArray[Any]"]]) -> TensorDifference:
    """Compare flat arrays, chunk by chunk of equal length."""
    return difference(name, sums_of(pairs))


def sums_of(pairs: Iterable[tuple["NDArray[Any]", "NDArray[Any]"]]) -> Sums:
    """The running sums over all pairs of flat chunks of equal length."""
    import numpy

    total = Sums()
    with numpy.errstate(all="ignore"):
        for one, two in pairs:
            total.add(one, two)
    return total
