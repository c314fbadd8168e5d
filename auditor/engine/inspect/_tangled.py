"""Models in torch files whose tensors share bytes or lie turned round: those that share some are held together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import AdapterComparison

if TYPE_CHECKING:
    from auditor.compare._as_they_are import AsTheyAre
    from auditor.compare._one_pass import Needs
    from auditor.compare._slices import Running
    from auditor.compare.tensors import TensorByTensor, WeightsDifference, WeightSet

_Places = tuple[Mapping[str, int], Mapping[str, int]]
"""The number of the file that holds each tensor, by side."""


def is_tangled(weights: AdapterWeights) -> bool:
    """Whether reading each tensor for itself reads bytes twice."""
    return bool(weights.shared.groups) or not all(ref.is_contiguous for ref in weights.refs.values())


def in_one_pass(
    one: "WeightSet", two: "WeightSet", tensors: bool, tell: Callable[[int], None]
) -> "tuple[AdapterComparison, WeightsDifference | None]":
    """How two models relate, and, when asked for, how their tensors do; all files are read in step.

    ``tell`` hears of bytes that were looked at.
    """
    from auditor.compare._as_they_are import AsTheyAre
    from auditor.compare._one_pass import OnePass, Request
    from auditor.compare.tensors import TensorByTensor

    one_pass = OnePass((*one.files, *two.files))
    first = len(one.files)
    base = replace(one, files=tuple(one_pass.views[:first]))
    head = replace(two, files=tuple(one_pass.views[first:]))
    places = _numbers(base, 0), _numbers(head, first)
    found = AsTheyAre(base, head)
    request = Request(partial(_needs, places), found.look, partial(_running, found, places))
    one_pass.ask(request, found.names)
    if not tensors:
        one_pass.run(lambda file, size: tell(size))
        return found.result(), None
    with TensorByTensor(base, head) as each:
        needs = partial(_needs_of_both, each, places)
        request = Request(needs, each.look, lambda name: each.running(_files(places, name), name))
        one_pass.ask(request, each.names)
        one_pass.run(lambda file, size: tell(size))
        return found.result(), difference_of(each)


def difference_of(each: "TensorByTensor") -> "WeightsDifference":
    """What differs, when all tensors were looked at; nothing does in files that are equal."""
    from auditor.compare.tensors import WeightsDifference

    return WeightsDifference("equal bytes") if each.have_equal_files() else each.result()


def _numbers(side: "WeightSet", first: int) -> Mapping[str, int]:
    numbers = {id(item): first + number for number, item in enumerate(side.files)}
    return {name: numbers[id(item)] for name, item in side.places().items()}


def _files(places: _Places, name: str) -> tuple[int, int]:
    """The files that hold a tensor; the same one twice where one side alone has it."""
    held = [side[name] for side in places if name in side]
    return held[0], held[-1]


def _needs(places: _Places, name: str) -> "Needs":
    return [(file, (name,)) for file in dict.fromkeys(_files(places, name))]


def _needs_of_both(each: "TensorByTensor", places: _Places, name: str) -> "Needs":
    return each.needs(_files(places, name), name)


def _running(found: "AsTheyAre", places: _Places, name: str) -> "Sequence[Running] | None":
    made = found.running(_files(places, name), name)
    return None if made is None else (made,)
