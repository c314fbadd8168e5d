from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "hidden-characters-in-template"
FILE, CONFIG = "chat_template.jinja", "tokenizer_config.json"


def test_passes_what_can_be_seen_and_joiners() -> None:
    seen = "<｜begin▁of▁sentence｜>{{ 'می\u200cخواهم 👩\u200d🚀' }}"
    assert found(RULE, healthy(text={FILE: "\ufeff" + seen})) == []


def test_fails_for_tags_and_turned_text() -> None:
    hidden = "{{ messages }}\u202e\U000e0041"
    assert found(RULE, healthy(json_edits={CONFIG: {"/chat_template": hidden}})) == [
        finding(
            RULE,
            WARNING,
            "the chat template holds U+202E and U+E0041, which show nothing",
            CONFIG,
            "/chat_template",
            expected="characters that can be seen",
            observed="RIGHT-TO-LEFT OVERRIDE, TAG LATIN CAPITAL LETTER A",
        )
    ]


def test_fails_for_a_file_of_its_own() -> None:
    (only,) = found(RULE, healthy(text={FILE: "{{ messages }}\u200b"}))
    assert (only.at.path, only.observed) == (FILE, "ZERO WIDTH SPACE")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no chat template is in the repository"]
