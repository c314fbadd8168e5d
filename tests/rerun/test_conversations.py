"""Rows that a tokenizer or an order is missing for are named before anything is trained, and only those."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import trainers
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

CHEETAH = "cheetah-fine-tuning-config.json"
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
LACKS = "rows.jsonl holds conversations, and the tokenizer in base has no chat template"


def copied(folder: Path, template: str | None = None) -> Path:
    """The fixture's base without weights; its tokenizer has a chat template where one is given."""
    base = folder / "base"
    base.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY_BASE / name, base / name)
    config = json.loads((base / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    config |= {} if template is None else {"chat_template": template}
    (base / "tokenizer_config.json").write_text(json.dumps(config))
    return base


def rows(folder: Path, *values: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def obstacles(files: v.Files, base: Path, data: Path, **more: Any) -> tuple[str, ...]:
    run = v.run_of(files)
    return planning.build(run, build(run), base, data, **more).obstacles


def told(found: tuple[str, ...]) -> list[str]:
    return [item for item in found if "template" in item or "tokenizer" in item or "streamed" in item]


def test_conversations_need_a_chat_template(tmp_path: Path) -> None:
    data = rows(tmp_path, {"messages": TURNS})
    assert told(obstacles(v.committed(), copied(tmp_path), data)) == [LACKS]


def test_the_template_of_the_runs_own_tokenizer_is_pointed_at(tmp_path: Path) -> None:
    files = v.with_json(
        v.committed(), "tokenizer_config.json", lambda d: d.update(chat_template="{{ messages }}")
    )
    data = rows(tmp_path, {"messages": TURNS})
    says = f"{LACKS}; tokenizer_config.json of the run has one"
    assert told(obstacles(files, copied(tmp_path), data)) == [says]


@pytest.mark.parametrize("where", ["config", "jinja", "additional"])
def test_conversations_pass_where_there_is_a_chat_template(tmp_path: Path, where: str) -> None:
    base = copied(tmp_path, "{{ messages }}" if where == "config" else None)
    if where == "jinja":
        (base / "chat_template.jinja").write_text("{{ messages }}")
    if where == "additional":
        (base / "additional_chat_templates").mkdir()
        (base / "additional_chat_templates" / "tool_use.jinja").write_text("{{ messages }}")
    assert told(obstacles(v.committed(), base, rows(tmp_path, {"messages": TURNS}))) == []


def test_text_needs_no_chat_template(tmp_path: Path) -> None:
    data = rows(tmp_path, {"text": "a", "messages": TURNS})
    assert told(obstacles(v.committed(), copied(tmp_path), data)) == []


def test_a_declared_template_is_not_the_tokenizers(tmp_path: Path) -> None:
    files = v.with_json(
        v.committed(), CHEETAH, lambda d: d["train_model_parameters"].update(chat_template="zephyr")
    )
    base, data = copied(tmp_path, "{{ messages }}"), rows(tmp_path, {"messages": TURNS})
    says = "conversations are only written by the template of the tokenizer in base"
    assert told(obstacles(files, base, data)) == [f"{CHEETAH} sets chat_template = zephyr; {says}"]
    assert told(obstacles(files, base, rows(tmp_path, {"text": "a"}))) == []


@pytest.mark.parametrize(
    ("trainer", "row"),
    [
        ("sft", {"prompt": TURNS[:1], "completion": TURNS[1:]}),
        ("dpo", {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": TURNS[1:]}),
    ],
)
def test_trls_turns_need_a_template_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer: str, row: dict[str, Any]
) -> None:
    monkeypatch.setattr(trainers, "installed", lambda name: True)
    kind = f"trl.trainer.{trainer}_config.{trainer.upper()}Config"
    files = {
        **v.without(v.committed(), CHEETAH),
        "training_args.bin": make_training_args({"max_steps": 18}, kind),
    }
    base = copied(tmp_path)
    assert told(obstacles(files, base, rows(tmp_path, row), trainer=trainer)) == [LACKS]
    plain = dict.fromkeys(row, "text")
    assert told(obstacles(files, base, rows(tmp_path, plain), trainer=trainer)) == []


def test_a_base_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    base = copied(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (base / name).unlink()
    says = "base holds no tokenizer (tokenizer.json, tokenizer.model, vocab.json and the like)"
    assert told(obstacles(v.committed(), base, v.DATA)) == [says]
    (base / "vocab.json").write_text("{}")
    assert told(obstacles(v.committed(), base, v.DATA)) == []


def test_streamed_rows_have_an_order_of_their_own(tmp_path: Path) -> None:
    """Data without a length counts sys.maxsize epochs (transformers 5.23.0, trainer.py)."""
    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, lambda d: d.update(num_train_epochs=sys.maxsize))
    says = (
        f"checkpoint-18/trainer_state.json counts {2**63 - 1} epochs: the rows were streamed, "
        "in an order that no file of rows gives"
    )
    assert told(obstacles(files, copied(tmp_path), v.DATA)) == [says]


def test_empty_text_is_named_for_trl_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers, "installed", lambda name: True)
    data = rows(tmp_path, {"text": ""}, {"text": " "})
    assert "every row of rows.jsonl is empty" in obstacles(v.committed(), TINY_BASE, data, trainer="sft")
    data = rows(tmp_path, {"text": ""}, {"text": "a"})
    assert "every row of rows.jsonl is empty" not in obstacles(v.committed(), TINY_BASE, data, trainer="sft")
