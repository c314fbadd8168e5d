"""What the rows ask of a tokenizer and of their order, known from files alone before anything is trained."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger
from auditor.errors import CannotRead
from auditor.model import Setting, Snapshot
from auditor.rerun.child.rows import RowsError, first_row
from auditor.runs import Run
from auditor.sources import directory

_VOCABULARIES = ("tokenizer", "vocab", "spiece", "sentencepiece", "tekken", "merges")
"""Beginnings of the names of files from which transformers makes a tokenizer (5.23.0, models/*/tokenization_*.py)."""
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
"""Besides tokenizer_config.json, and additional_chat_templates/ (transformers 5.23.0, utils/hub.py)."""
_TOKENIZERS_OWN = (None, "", "none", "default", "tokenizer", "tokenizer_default")
"""Declared templates that leave the choice to the tokenizer, or make none."""
_TURNS = ("messages", "prompt", "completion", "chosen", "rejected")
"""Columns in which TRL takes a list for turns of a conversation (trl 1.16.0, data_utils.py, `is_conversational`)."""


def obstacles(
    run: Run, ledger: Ledger, settings: Mapping[str, Setting], base: Path | None, data: Path | None
) -> Iterator[str]:
    """Every reason why these rows cannot be tokenised and drawn as they were, in sentences."""
    yield from _streamed(run)
    files = directory.snapshot(base) if base is not None and (base / "config.json").is_file() else None
    if base is None or files is None:
        return
    if not any(path.startswith(_VOCABULARIES) for path in files.files):
        yield f"{base.name} holds no tokenizer (tokenizer.json, tokenizer.model, vocab.json and the like)"
        return
    if data is not None and data.is_file() and _converses(data, settings):
        yield from _template(run, ledger, files, base, data)


def _streamed(run: Run) -> Iterator[str]:
    """Rows that came without a count are drawn in their own order, not by the sampler.

    Source: transformers 5.23.0, trainer.py, `set_initial_training_values`: sys.maxsize epochs of data without a length.
    """
    state, recipe = run.latest(TrainerState), run.recipe
    if state is not None and state.raw.get("num_train_epochs") == sys.maxsize:
        yield (
            f"{state.path} counts {sys.maxsize} epochs: the rows were streamed, in an order that no file of rows gives"
        )
    elif recipe is not None and recipe.raw.get("streaming") is True:
        yield f"{recipe.path} sets streaming: the rows came in an order that no file of rows gives"


def _converses(data: Path, settings: Mapping[str, Setting]) -> bool:
    """Whether the first row holds turns of a conversation where the trainer looks; False where it cannot be read."""
    column, trainer = (
        settings["text_column"].value if "text_column" in settings else None,
        settings["trainer"].value,
    )
    try:
        row = first_row(data)
    except (RowsError, OSError, UnicodeDecodeError):
        return False
    if trainer != "dpo" and isinstance(column, str) and column in row:
        return trainer == "reference" and isinstance(row[column], list)
    looked = ("messages",) if trainer == "reference" else _TURNS
    return any(isinstance(row.get(name), list) for name in looked)


def _template(run: Run, ledger: Ledger, files: Snapshot, base: Path, data: Path) -> Iterator[str]:
    declared = ledger.statement("chat_template")
    if declared is not None and declared.value not in _TOKENIZERS_OWN:
        yield (
            f"{declared.path} sets chat_template = {declared.value}; conversations are only written by the template "
            f"of the tokenizer in {base.name}"
        )
    elif not _has_template(files):
        own = run.one(TokenizerConfig)
        known = own is not None and bool(own.chat_template or own.chat_templates)
        more = f"; {own.path} of the run has one" if own is not None and known else ""
        yield f"{data.name} holds conversations, and the tokenizer in {base.name} has no chat template{more}"


def _has_template(files: Snapshot) -> bool:
    if any(path in _TEMPLATES or path.startswith("additional_chat_templates/") for path in files.files):
        return True
    try:
        config = TokenizerConfig.parse(files.files["tokenizer_config.json"])
    except (CannotRead, KeyError):
        return False
    return bool(config.chat_template or config.chat_templates)
