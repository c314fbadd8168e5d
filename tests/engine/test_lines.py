"""Lines of findings: of a JSON pointer, of a front matter key, and what has none."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine._lines import line_of_key, line_of_pointer, numbered
from auditor.engine._yaml_lines import finder
from auditor.engine.audit import Options, compare
from auditor.model import Finding, Location, Severity
from auditor.policy import Policy
from auditor.sources.directory import memory_snapshot
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


YAML = """# a configuration
base_model: tiny
peft: {r: 8,
  alpha: 16}
list:
  - 1
  - k: 3
    "b/c~d": null
shared: &shared
  x: 1
merged:
  <<: *shared
  y: 2
again: *shared
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/base_model", 2),
        ("/peft", 3),
        ("/peft/r", 3),
        ("/peft/alpha", 4),
        ("/list", 5),
        ("/list/0", 6),
        ("/list/1/k", 7),
        ("/list/1/b~1c~0d", 8),
        ("/merged/y", 13),
        ("/merged/x", None),
        ("/again/x", 10),
        ("/list/2", None),
        ("/base_model/x", None),
        ("base_model", None),
        ("/none", None),
    ],
)
def test_the_line_of_a_pointer_into_yaml(pointer: str, line: int | None) -> None:
    find = finder(YAML)
    assert find is not None
    assert find(pointer) == line


plain = st.recursive(
    st.none() | st.integers() | st.text(alphabet="xy:#- ", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
def test_every_member_of_a_block_of_yaml_stands_on_its_line(value: Any) -> None:
    """PyYAML's block style writes a key first on its line, after the dashes of lists around it."""
    text = yaml.safe_dump({"root": value}, default_flow_style=False, sort_keys=False)
    find = finder(text)
    assert find is not None
    rows = text.split("\n")
    for pointer in pointers({"root": value}):
        line = find(pointer)
        assert line is not None
        key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        row = rows[line - 1].strip()
        assert (
            row.startswith("-") if key.isdecimal() else row.lstrip("- ").startswith((f"{key}:", f"? {key}"))
        )


@pytest.mark.parametrize("text", ["a: [", "a: " + "[" * 200, "\x00"])
def test_what_is_no_usable_yaml_has_no_lines(text: str) -> None:
    assert finder(text) is None


def test_a_key_that_holds_itself_is_no_member() -> None:
    find = finder("&a [*a, *a]: 1\nb: 2")
    assert find is not None
    assert [find(pointer) for pointer in ("/a", "/b")] == [None, 2]


def test_findings_in_yaml_and_in_the_configuration_of_a_card_stand_on_their_lines() -> None:
    config = (
        b"model_name_or_path: tiny\nfinetuning_type: lora\nlora_rank: 8\nlearning_rate: 2.0e-3\nlora_rnk: 8\n"
    )
    card = (
        b"---\nbase_model: x\n---\n# m\nSee axolotl config\n\naxolotl version: `0.8.0`\n"
        b"```yaml\nbase_model: x\nadapter: lora\nlora_r: 8\n```\n"
    )
    snapshot = memory_snapshot("x", {"train.yaml": config, "README.md": card})
    asked = [
        Finding("r", Severity.ERROR, "m", Location("train.yaml", "/lora_rank")),
        Finding("r", Severity.ERROR, "m", Location("README.md", "base_model")),
        Finding("r", Severity.ERROR, "m", Location("README.md", "/lora_r")),
        Finding("r", Severity.ERROR, "m", Location("README.md", "/none")),
    ]
    assert [finding.line for finding in numbered(asked, snapshot)] == [3, 2, 11, None]


def test_a_string_without_an_end_is_walked_through_once() -> None:
    assert line_of_pointer('{"a": "' + '\\"' * 50_000, "/b") is None
    assert line_of_pointer('{\n"a": "' + '\\"' * 50_000, "/a") == 2
