"""JSON documents: repeated keys are refused however long a document is, and however its strings are spelled."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts import _base
from auditor.artifacts._base import parse_json
from auditor.errors import CannotRead

PADDING = [{"step": number, "loss": 0.5} for number in range(_base._MANY_OBJECTS)]
"""Rows that make a document a long one."""
TEXTS = st.text(st.sampled_from('a:"\\\\u{}[],/é\n'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def refused(data: str) -> bool:
    try:
        parse_json(data.encode())
    except CannotRead as error:
        return "twice in one object" in error.reason
    return False


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
@settings(deadline=None)
def test_long_documents_are_read_as_json_reads_them(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    """Without a repeated key nothing is refused, whatever quotes, colons and escapes the strings hold."""
    for document in (
        value,
        [value, PADDING],
        {"a": PADDING, "b": value},
        {"b": value, "log_history": PADDING},
    ):
        text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
        assert parse_json(text.encode()) == json.loads(text)


@given(VALUES, TEXTS, VALUES)
@settings(deadline=None)
def test_a_repeated_key_is_refused_wherever_it_stands(value: object, key: str, other: object) -> None:
    pair = (
        f"{json.dumps(key)}: {json.dumps(value)}, {json.dumps(key, ensure_ascii=False)}: {json.dumps(other)}"
    )
    padding = json.dumps(PADDING)
    for text in (f"{{{pair}}}", f'{{"rows": {padding}, "x": {{{pair}}}}}', f"[{padding}, [[{{{pair}}}]]]"):
        assert refused(text)


@pytest.mark.parametrize("at", [0, 57, 99])
@pytest.mark.parametrize("spelling", ['"loss"', '"\\u006coss"', '"loss" '])
def test_a_row_with_a_key_twice(at: int, spelling: str) -> None:
    rows = [json.dumps(row) for row in PADDING]
    rows[at] = rows[at].replace("}", f", {spelling}: 0.25}}")
    assert refused(f'{{"log_history": [{", ".join(rows)}]}}')


@pytest.mark.parametrize(
    "value", ['"a\\\\"', '"\\""', '"\\\\\\""', '":"', '"\\u003a\\u0022"', "1e999", "NaN", "9" * 4000]
)
def test_values_that_could_be_miscounted(value: str) -> None:
    text = f'{{"rows": {json.dumps(PADDING)}, "x": {value}, "y": [{value}, {value}]}}'
    assert parse_json(text.encode()) is not None
    assert refused(text.replace('"y"', '"x"'))


def test_more_objects_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_base, "NODE_LIMIT", 100)
    assert parse_json(b"[" + b"{}," * 98 + b"{}]") == [{}] * 99
    with pytest.raises(CannotRead, match="holds more than 100 objects and arrays"):
        parse_json(b"[" + b"{}," * 105 + b"{}]")
