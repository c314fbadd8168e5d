import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._linear_regex import LinearPattern, UnsupportedPatternError

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        r"\.",
        ".",
        "[ab]",
        "[^a.]",
        r"\w",
        r"\d",
        "(?:a|b)",
        "(ab)",
        "(?P<n>a)",
        r"\b",
        "^",
        "$",
        "{",
        "[]a]",
    ]
)
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,}", "{,2}", "{1,3}?", "{}"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    pieces = []
    for _ in range(draw(st.integers(0, 5))):
        atom = draw(ATOMS)
        anchored = atom in ("^", "$", r"\b")
        pieces.append(atom + ("" if anchored else draw(REPEATS)))
        if draw(st.integers(0, 4)) == 0:
            pieces.append("|")
    text = "".join(pieces)
    # A group name may stand once only in one pattern.
    return text if text.count("?P<n>") < 2 else text.replace("?P<n>", "?:")


@settings(max_examples=600, deadline=None)
@given(patterns(), st.text(alphabet="ab.1{}", max_size=6))
def test_agrees_with_re(pattern: str, text: str) -> None:
    # Source of truth: Python's own `re`.
    assert LinearPattern(pattern).fullmatch(text) is (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?i)a", "flag"),
        (r"(a)\1", "back-reference"),
        ("a**", "repeats a repeat"),
        ("a*+", "repeats a repeat"),
        ("*a", "nothing to repeat"),
        ("a{3,2}", "reversed"),
        ("(a", "unclosed group"),
        ("a)", "unbalanced"),
        ("[a", "unclosed class"),
        ("[z-a]", "invalid class"),
        ("a{99999}", "too much"),
        ("((a{999}){999}){999}", "too much"),
        ("^*", "anchor"),
        ("a" * 2001, "longer than 2000"),
        ("(" * 51 + ")" * 51, "nests more than 50"),
    ],
)
def test_refuses_what_it_cannot_match_and_says_why(pattern: str, why: str) -> None:
    with pytest.raises(UnsupportedPatternError, match=why):
        LinearPattern(pattern)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=r"ab(){}[]*+?|^$\.-,0123<>P:&~", max_size=20), st.text(alphabet="ab-", max_size=4))
def test_any_text_compiles_or_is_refused(pattern: str, text: str) -> None:
    try:
        compiled = LinearPattern(pattern)
    except UnsupportedPatternError:
        return
    try:
        expected = re.compile(pattern)
    except (re.error, OverflowError, FutureWarning):
        return  # Accepted a pattern that `re` refuses or warns of: a module never depends on it.
    assert compiled.fullmatch(text) is (expected.fullmatch(text) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a*)*(a*)*b", "a?" * 40 + "a" * 40, "(.*.*.*)*x"])
def test_exponential_patterns_finish(pattern: str) -> None:
    assert LinearPattern(pattern).fullmatch("a" * 39) is False
