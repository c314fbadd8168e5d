"""Sentences for people, and agreement of the rule with the published schema."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor import schemas
from auditor.artifacts._value_types import accepted, fits
from auditor.artifacts.versions import adapter_keys, peft_methods
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "adapter-config-value-of-wrong-type"
CONFIG = "adapter_config.json"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
METHODS = sorted(peft_methods())


def edit(**values: object) -> list[object]:
    """The findings of the run's own file, which no copy in a checkpoint contradicts."""
    edits = {f"/{key}": value for key, value in values.items()}
    return list(found(RULE, healthy(json_edits={CONFIG: edits}, without=["checkpoint-9/", "checkpoint-18/"])))


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    # Seen in public adapters that load: each is another spelling of what PEFT means.
    [
        ("lora_alpha", 32.0),
        ("lora_alpha", 22.6),
        ("r", 8.0),
        ("lora_dropout", 0),
        ("inference_mode", False),
        ("revision", "unsloth"),
        ("modules_to_save", ["classifier", "score", "classifier", "score"]),
        ("target_modules", ".*q_proj"),
        ("loftq_config", None),
        ("use_rslora", None),
        ("trainable_token_indices", {"embed_tokens": [1, 2]}),
        ("layers_to_transform", 3),
    ],
)
def test_passes_what_loads(key: str, value: object) -> None:
    assert edit(**{key: value}) == []


def test_passes_what_another_rule_reports() -> None:
    # `r` in quotes is adapter-config-unusable's finding.
    assert edit(r="16") == []


def test_fails_in_words_for_people() -> None:
    assert edit(modules_to_save="lm_head") == [
        finding(
            RULE,
            WARNING,
            '`modules_to_save` is the string "lm_head", expected an array of strings or null',
            CONFIG,
            "/modules_to_save",
        )
    ]
    assert edit(qalora_group_size="16") == [
        finding(
            RULE,
            WARNING,
            '`qalora_group_size` is the string "16", expected an integer',
            CONFIG,
            "/qalora_group_size",
        )
    ]
    assert edit(use_rslora="false") == [
        finding(
            RULE, WARNING, '`use_rslora` is the string "false", expected a boolean', CONFIG, "/use_rslora"
        )
    ]


def test_fails_as_an_error_where_another_copy_of_the_run_shapes_the_adapter_otherwise() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/use_rslora": "false"}})) == [
        finding(
            RULE,
            ERROR,
            '`use_rslora` is the string "false", expected a boolean',
            CONFIG,
            "/use_rslora",
            evidence=("checkpoint-18/adapter_config.json says use_rslora False",),
        )
    ]


def test_fails_where_nothing_can_be_built_from_null() -> None:
    assert edit(r=None) == [finding(RULE, ERROR, "`r` is null, expected an integer", CONFIG, "/r")]


def test_fails_for_other_methods_by_their_own_fields() -> None:
    raw = {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": "20", "prefix_projection": False}
    snapshot = memory_snapshot("test", {CONFIG: json.dumps(raw).encode()})
    assert [item.message for item in found(RULE, snapshot)] == [
        '`num_virtual_tokens` is the string "20", expected an integer or null'
    ]


def test_cannot_look_at_the_file_of_another_program() -> None:
    assert reasons(RULE, memory_snapshot("test", {CONFIG: b'{"fine_tune_type": "lora"}'})) == [
        "the file does not configure a method that this audit knows"
    ]


def validators() -> Iterator[tuple[str, Draft202012Validator]]:
    schema = schemas.load("adapter_config")
    for method in METHODS:
        yield method, Draft202012Validator({**schema, "allOf": [{"$ref": f"#/$defs/{method}"}]})


VALIDATORS = dict(validators())


@given(method=st.sampled_from(METHODS), data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_rule_and_the_schema_agree(method: str, data: st.DataObject) -> None:
    known = adapter_keys(method)
    assert known is not None
    kinds = accepted(known)
    key = data.draw(st.sampled_from(sorted(kinds)))
    value = data.draw(VALUES)
    raw = {"peft_type": method, key: value}
    if key == "peft_type":
        return
    assert fits(value, kinds[key]) is VALIDATORS[method].is_valid(raw)


def test_the_schema_chooses_the_method() -> None:
    whole = Draft202012Validator(schemas.load("adapter_config"))
    assert whole.is_valid({"peft_type": "LORA", "r": 8})
    assert not whole.is_valid({"peft_type": "LORA", "r": "8"})
    assert whole.is_valid({"peft_type": "LN_TUNING", "r": "8"})
    assert not whole.is_valid({"r": 8})


def test_real_configurations_are_valid(real_repositories: Path) -> None:
    whole = Draft202012Validator(schemas.load("adapter_config"))
    read = 0
    for path in real_repositories.rglob(CONFIG):
        raw = _real(path)
        if isinstance(raw, dict) and "peft_type" in raw:
            assert whole.is_valid(raw), path
            read += 1
    assert read > 100


def _real(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:  # A pointer to LFS content, or another program's file.
        return None
