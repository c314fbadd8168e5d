"""Numbers that take eight bytes each behave as a tuple of them."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.floats import Floats
from auditor.report._plain import plain


@given(st.lists(st.floats(allow_nan=False), max_size=20), st.slices(20))
def test_it_is_read_like_a_tuple(values: list[float], some: slice) -> None:
    found, wanted = Floats(values), tuple(values)
    assert list(found) == values
    assert found == wanted
    assert found[some] == wanted[some]
    assert (len(found), repr(found), hash(found)) == (len(wanted), repr(wanted), hash(wanted))
    assert plain(found) == plain(wanted)


def test_it_differs_from_other_numbers() -> None:
    assert Floats([1.0, 2.0]) != (1.0, 3.0)
    assert Floats([1.0]) != (1.0, 1.0)
    assert Floats([1.0]) != 1.0


def test_it_takes_a_third_of_a_tuple() -> None:
    values = [float(number) for number in range(64)]
    alone = sys.getsizeof(tuple(values)) + sum(map(sys.getsizeof, values))
    found = Floats(values)
    assert sys.getsizeof(found) + sys.getsizeof(found._values) < alone / 3
