"""One side of a comparison, its files held open: each name with its form and its elements."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from auditor.artifacts._opened import Opened
from auditor.compare._packed import Packed, Place, packed, parts_of
from auditor.compare._sets import WeightSet
from auditor.compare._sources import Source, source
from auditor.errors import CannotRead


@dataclass(frozen=True, slots=True)
class Side:
    """``names`` in the order of the files, without the parts of packed weights; ``known`` are the same as a set."""

    weights: WeightSet
    places: Mapping[str, Place]
    packed: Mapping[str, Packed]
    names: tuple[str, ...]
    known: frozenset[str]
    notes: tuple[str, ...]

    @property
    def parts(self) -> frozenset[str]:
        """Tensors that belong to packed weights."""
        return frozenset(self.places) - self.known

    def form(self, name: str) -> tuple[str, tuple[int, ...]]:
        """(dtype, shape) of a tensor."""
        if name in self.packed:
            return self.packed[name].dtype, self.packed[name].shape
        info = self.places[name].weights.tensors[name]
        return info.dtype, info.shape

    def described(self, name: str) -> str:
        """A tensor's form in words."""
        dtype, shape = self.form(name)
        return f"{dtype} {list(shape)}"

    def needs(self, name: str) -> tuple[str, ...]:
        """The stored tensors that a tensor's numbers are made of."""
        return (name, *parts_of(name, self.places)) if name in self.packed else (name,)

    def source(self, name: str) -> Source:
        """A tensor's elements. Raises CannotRead."""
        if name in self.packed:
            return self.packed[name]
        place = self.places[name]
        return source(place.opened(), place.weights.region(name, place.opened()))


def open_side(weights: WeightSet, stack: ExitStack) -> Side:
    """Open all files of a side; the stack closes them."""
    files: dict[str, Opened | CannotRead] = {}
    for item in weights.files:
        try:
            files[item.path] = stack.enter_context(item.opened())
        except CannotRead as error:
            files[item.path] = error
    places = {name: Place(item, files[item.path], name) for name, item in weights.places().items()}
    unpacked, parts, problems = packed(places)
    names = tuple(name for name in places if name not in parts)
    return Side(weights, places, unpacked, names, frozenset(names), (*weights.problems, *problems))
