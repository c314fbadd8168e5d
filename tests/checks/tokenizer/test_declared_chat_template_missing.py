from auditor.model import Snapshot
from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, TEMPLATE

RULE = "declared-chat-template-missing"
DECLARED = "cheetah-fine-tuning-config.json"
KEY = "/train_model_parameters/chat_template"


def with_template(name: str, text: str) -> Snapshot:
    return healthy(json_edits={DECLARED: {KEY: name}}, text={TEMPLATE: text})


def test_passes_a_template_with_the_marks() -> None:
    assert found(RULE, with_template("chatml", "{{ '<|im_start|>' }}")) == []
    # Zephyr's template writes '<|' + role + '|>' in some versions; the role's word is then in a comparison.
    assert found(RULE, with_template("zephyr", "{% if message['role'] == 'user' %}")) == []
    edits = {DECLARED: {KEY: "gemma"}, CONFIG: {"/chat_template": "<start_of_turn>"}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_for_another_format() -> None:
    assert found(RULE, with_template("chatml", "<start_of_turn>")) == [
        finding(
            RULE,
            WARNING,
            "chat_template is declared chatml, and the tokenizer's template does not hold <|im_start|>",
            DECLARED,
            KEY,
            expected="<|im_start|>",
            observed="15 characters without it",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no chat template is declared by a name that is known here"]
    assert reasons(RULE, healthy(json_edits={DECLARED: {KEY: "chatml"}})) == [
        "no chat template is beside the adapter"
    ]
    broken = healthy(json_edits={DECLARED: {KEY: "chatml"}}, data={TEMPLATE: b"\xff"})
    assert reasons(RULE, broken) == ["chat_template.jinja is not UTF-8 text (byte 0)"]
