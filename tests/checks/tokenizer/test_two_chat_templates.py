from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, TEMPLATE

RULE = "two-chat-templates"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    edits = {CONFIG: {"/chat_template": "{{ messages }}"}}
    assert found(RULE, healthy(json_edits=edits)) == []
    assert found(RULE, healthy(json_edits=edits, text={TEMPLATE: "{{ messages }}\r\n"})) == []


def test_fails_for_two_texts() -> None:
    edits = {CONFIG: {"/chat_template": "{{ messages }}"}}
    assert found(RULE, healthy(json_edits=edits, text={TEMPLATE: "{{ messages[0] }}"})) == [
        finding(
            RULE,
            WARNING,
            f"{TEMPLATE} and {CONFIG} hold different chat templates",
            TEMPLATE,
            expected=f"the template of {CONFIG}",
            observed="17 and 14 characters",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(data={TEMPLATE: b"\xff"})) == [
        "chat_template.jinja is not UTF-8 text (byte 0)"
    ]
