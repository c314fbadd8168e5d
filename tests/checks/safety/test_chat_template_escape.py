import time

import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, run_rule, seed
from tests.checks.expecting import ERROR, finding, found

RULE = "chat-template-escape"
CONFIG = "tokenizer_config.json"
HARMLESS = (
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\\n' }}"
    "{{ message['content'] | trim }}{% endfor %}{% set ns = namespace(found=false) %}"
)


def template(text: str) -> list[object]:
    return list(found(RULE, healthy(json_edits={CONFIG: {"/chat_template": text}})))


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert template(HARMLESS) == []


def test_passes_the_words_in_a_text_that_is_printed() -> None:
    assert template("You know Python's __class__ and __globals__. {{ messages }}") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "__class__, __mro__, __subclasses__"),
        ("{% set x = cycler['__init__']['__globals__'] %}", "__init__, __globals__"),
        ("{{ messages|attr('a') }}", "|attr("),
        ("{{ x.__builtins__", "__builtins__"),
    ],
)
def test_fails(text: str, words: str) -> None:
    assert template(text) == [
        finding(
            RULE,
            ERROR,
            f"the chat template uses {words}, which reaches Python's internals",
            CONFIG,
            "/chat_template",
            expected="messages, roles and loops only",
            observed=words,
        )
    ]


def test_fails_for_a_named_template_and_for_a_file() -> None:
    evil = "{{ x.__globals__ }}"
    named = [{"name": "default", "template": HARMLESS}, {"name": "tool_use", "template": evil}]
    (one,) = found(RULE, healthy(json_edits={CONFIG: {"/chat_template": named}}))
    (two,) = found(RULE, healthy(text={"chat_template.jinja": evil}))
    assert (one.at.path, two.at.path) == (CONFIG, "chat_template.jinja")


def test_passes_a_hostile_text_in_bounded_time() -> None:
    start = time.perf_counter()
    assert template("{{" * 200_000 + "{%" * 200_000) == []
    assert template("{{}}" * 250_000) == []
    assert time.perf_counter() - start < 5


def test_says_when_it_cannot_look() -> None:
    huge = b"{{ x }}" * 700_000
    outcome = run_rule(RULE, memory_snapshot("huge", {"chat_template.jinja": huge}))
    assert [item.reason for item in outcome.not_applicable] == [
        "chat_template.jinja is larger than 4194304 bytes, too large for this kind of file"
    ]
    broken = run_rule(RULE, memory_snapshot("broken", {CONFIG: b"{"}))
    assert [item.reason for item in broken.not_applicable] == [
        "tokenizer_config.json was not read: unreadable"
    ]
