"""Work that several rules share over one object, done once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
KEPT = 16
"""Objects of which results are kept: rules go run by run."""


def once(function: Callable[[T], R]) -> Callable[[T], R]:
    """A function of one object that does not change, whose result is kept for that very object.

    Runs and event logs hold mappings and have no hash, and comparing them by value would cost what is to be saved.
    """
    kept: OrderedDict[int, tuple[T, R]] = OrderedDict()

    def known(item: T) -> R:
        # The object is kept beside its result, so that no other one can take over its id.
        if id(item) not in kept:
            kept[id(item)] = (item, function(item))
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return kept[id(item)][1]

    return known
