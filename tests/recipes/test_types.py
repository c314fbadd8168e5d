import pytest

from auditor.recipes._types import expected, fits, number_in


@pytest.mark.parametrize(
    ("value", "types"),
    [
        (16, "integer"),
        (16.0, "integer"),
        (1, "number"),
        (0, "boolean"),
        (None, "integer"),
        ("x", "any"),
        ("q_proj", "array"),
        (["a"], "string"),
        (False, "string"),
        (False, "integer"),
        (3, "null|string"),
        ({}, "object|string"),
    ],
)
def test_what_platforms_take(value: object, types: str) -> None:
    assert fits(value, types)


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("16", "integer"),
        (16.5, "integer"),
        (True, "integer|null"),
        (True, "string"),
        (2, "boolean"),
        ("yes", "boolean"),
        ([1], "number"),
        ({}, "string"),
        (float("inf"), "integer"),
    ],
)
def test_what_they_refuse(value: object, types: str) -> None:
    assert not fits(value, types)


@pytest.mark.parametrize(("text", "number"), [("2e-4", 2e-4), ("16", 16.0), (" -1 ", -1.0), (".5", 0.5)])
def test_numbers_in_texts(text: str, number: float) -> None:
    assert number_in(text, "number|null") == number
    assert number_in(text, "string") is None


@pytest.mark.parametrize("text", ["auto", "1e", "0x10", "", "1" * 40, 3])
def test_no_numbers(text: object) -> None:
    assert number_in(text, "number") is None


def test_in_words() -> None:
    assert expected("integer|null") == "an integer or null"
    assert expected("integer|number") == "a number"
    assert expected("boolean|string") == "a boolean or a string"
