"""JSON written in pieces is the JSON that is made whole."""

import json
import re
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.report._plain import Each, Parts, dumps, pieces

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES,
    lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(), some, max_size=4),
    max_leaves=25,
)


def opened(value: Any, depth: int) -> Any:
    """The same value of which the outer levels are written in pieces."""
    if depth and isinstance(value, dict):
        return Parts({key: opened(item, depth - 1) for key, item in value.items()})
    if depth and isinstance(value, list):
        return Each(opened(item, depth - 1) for item in value)
    return value


@settings(max_examples=100)
@given(VALUES, st.integers(0, 4))
def test_pieces_are_the_text_of_the_whole(value: Any, depth: int) -> None:
    """Python's own writer; characters that a terminal would obey are escapes, and are the same text when read."""
    found = "".join(pieces(opened(value, depth)))
    assert found == dumps(value)
    assert json.loads(found) == value
    if found.isascii() and not re.search(r"\\u(?!00[01])", found):
        assert found == json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def test_items_are_made_one_after_the_other() -> None:
    """Two thousand items of 10 KB: 20 MB of text, of which one item is in memory."""
    value = Parts({"items": Each({"text": "x" * 10_000, "number": number} for number in range(2000))})
    tracemalloc.start()
    size = sum(map(len, pieces(value)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 20_000_000
    assert most < 1_000_000
