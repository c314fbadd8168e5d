"""Lines of findings: of a JSON pointer, of a front matter key, and what has none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine._lines import line_of_key, line_of_pointer, numbered
from auditor.engine.audit import Options, compare
from auditor.model import Finding, Location, Severity
from auditor.policy import Policy
from tests.builders.repositories import edited, seed

TEXT = """{
  "a": 1,
  "train": {
    "a": "x \\" } { , 2",
    "list": [
      10,
      {"k": 3},
      [1,
       2]
    ]
  },
  "b/c~d": null
}
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/a", 2),
        ("/train", 3),
        ("/train/a", 4),
        ("/train/list", 5),
        ("/train/list/0", 6),
        ("/train/list/1", 7),
        ("/train/list/1/k", 7),
        ("/train/list/2/1", 9),
        ("/b~1c~0d", 12),
        ("/train/b", None),
        ("/10", None),
        ("a", None),
        ("/", None),
    ],
)
def test_the_line_of_a_pointer(pointer: str, line: int | None) -> None:
    assert line_of_pointer(TEXT, pointer) == line


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def pointers(value: Any, at: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in items:
        here = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [here, *pointers(inner, here)]
    return found


@given(values)
def test_every_member_of_an_indented_document_is_found_in_its_order(value: Any) -> None:
    """json.dumps with an indent writes each member on a line of its own, in the order of `pointers`."""
    text = json.dumps(value, indent=1)
    lines = [line_of_pointer(text, pointer) for pointer in pointers(value)]
    assert all(line is not None for line in lines)
    assert lines == sorted(set(lines), key=lambda line: line or 0)


@given(st.text(alphabet='{}[]",:\\ a1\n', max_size=60))
def test_text_that_is_no_json_ends(text: str) -> None:
    line_of_pointer(text, "/a")


def test_a_deep_document_is_not_followed() -> None:
    assert line_of_pointer("[" * 1_000_000, "/1") is None


def test_the_line_of_a_front_matter_key() -> None:
    text = "---\nlibrary_name: peft\nbase_model: x\n---\nlicence: in the text\n"
    assert line_of_key(text, "base_model") == 3
    assert line_of_key(text, "licence") is None
    assert line_of_key("base_model: x\n", "base_model") is None
    assert line_of_key("", "base_model") is None


def test_findings_of_the_real_case_stand_on_their_lines() -> None:
    """Counted in the files themselves: the line that holds the key."""
    head, base = seed(), edited("seed", "main")
    report = compare(base, head, False, Options(Policy()))
    lines = {(f.rule, f.at.path): f.line for f in report.findings if f.line}
    for (rule, path), line in lines.items():
        text = head.files[path].read().decode().splitlines()[line - 1]
        member = next(
            f.at.member for f in report.findings if (f.rule, f.at.path, f.line) == (rule, path, line)
        )
        assert str(member).rpartition("/")[2] in text
    assert lines[("card-names-other-base", "README.md")]
    assert len(lines) > 10


def test_what_is_absent_large_or_elsewhere_has_none() -> None:
    snapshot = seed()
    gone = Finding("r", Severity.ERROR, "m", Location("adapter_config.json", "/r"), state="absent")
    tensor = Finding("r", Severity.ERROR, "m", Location("adapter_model.safetensors", "lora_A"))
    whole = Finding("r", Severity.ERROR, "m", Location("adapter_config.json"))
    missing = Finding("r", Severity.ERROR, "m", Location("no.json", "/r"))
    found = numbered([gone, tensor, whole, missing], snapshot)
    assert [finding.line for finding in found] == [None] * 4
    (here,) = numbered([Finding("r", Severity.ERROR, "m", Location("adapter_config.json", "/r"))], snapshot)
    assert here.line is not None
