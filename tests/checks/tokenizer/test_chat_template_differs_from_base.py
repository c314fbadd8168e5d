import shutil
from pathlib import Path

from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, TEMPLATE

RULE = "chat-template-differs-from-base"


def chatting(folder: Path, template: str) -> Path:
    """The tiny base with a chat template."""
    base = folder / "base"
    shutil.copytree(TINY_BASE, base, ignore=shutil.ignore_patterns("*.safetensors"))
    (base / TEMPLATE).write_text(template)
    return base


def test_passes_a_template_for_a_base_without_one(tmp_path: Path) -> None:
    assert found(RULE, healthy(text={TEMPLATE: "{{ messages }}"}), base=TINY_BASE) == []


def test_passes_the_base_s_own_template_wherever_it_is_kept(tmp_path: Path) -> None:
    edits = {CONFIG: {"/chat_template": "{{ messages }}"}}
    base = chatting(tmp_path, "{{ messages }}\n")
    assert found(RULE, healthy(json_edits=edits), base=base) == []


def test_fails_as_a_note(tmp_path: Path) -> None:
    base = chatting(tmp_path, "{{ messages }}")
    assert found(RULE, healthy(text={TEMPLATE: "{{ messages[0] }}"}), base=base) == [
        finding(
            RULE,
            NOTE,
            "chat_template.jinja differs from the base model's chat template",
            TEMPLATE,
            expected="the base's, 14 characters",
            observed="17 characters",
        )
    ]


def test_says_when_it_cannot_look(tmp_path: Path) -> None:
    assert reasons(RULE, healthy()) == ["the base model's folder was not given (--base DIR)"]
    assert reasons(RULE, healthy(), base=TINY_BASE) == ["no chat template is beside the adapter"]
    broken = healthy(data={TEMPLATE: b"\xff"})
    assert reasons(RULE, broken, base=TINY_BASE) == ["a chat template is not UTF-8 text (byte 0)"]
