"""tokenizer_config.json: how text becomes tokens; of the added tokens only the text is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import Fields, describe, member
from auditor.artifacts._tokens import special_tokens, token_content
from auditor.model import Blob, Fact

NO_LIMIT = 10**30
"""``model_max_length`` from here on means no limit: VERY_LARGE_INTEGER of Transformers."""
_IGNORABLE = frozenset({"is_local", "local_files_only", "name_or_path"})


@dataclass(frozen=True, slots=True)
class TokenizerConfig(Artifact):
    """One tokenizer_config.json; ``tokens`` maps ``bos_token`` and the like to their text.

    ``chat_template`` is None when the file holds none or a list of named ones (then in ``chat_templates``).
    ``settings`` keeps the file's remaining plain values; ``added_tokens`` maps ids, as text, to contents.
    """

    patterns: ClassVar[tuple[str, ...]] = ("tokenizer_config.json",)
    path: str
    keys: frozenset[str]
    tokenizer_class: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    padding_side: str | None = None
    truncation_side: str | None = None
    model_max_length: int | float | None = None
    add_bos_token: bool | None = None
    add_eos_token: bool | None = None
    chat_template: str | None = None
    chat_templates: Mapping[str, str] = field(default_factory=dict)
    processor_class: str | None = None
    auto_map: Mapping[str, object] = field(default_factory=dict)
    added_tokens: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    type_errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file. Raises CannotRead."""
        raw = read_json_object(blob)
        read = Fields(raw)
        template = raw.get("chat_template")
        return cls(
            path=blob.path,
            keys=frozenset(raw),
            tokenizer_class=read.text("tokenizer_class"),
            tokens=special_tokens(raw),
            padding_side=read.text("padding_side"),
            truncation_side=read.text("truncation_side"),
            model_max_length=_length(read),
            add_bos_token=read.boolean("add_bos_token"),
            add_eos_token=read.boolean("add_eos_token"),
            chat_template=template if isinstance(template, str) else None,
            chat_templates=_named(template),
            processor_class=read.text("processor_class"),
            auto_map=read.mapping("auto_map"),
            added_tokens=_added(read),
            settings={**_plain(raw), **_plain(read.mapping(_SPECIFIC), f"{_SPECIFIC}.")},
            type_errors=tuple(read.errors),
        )

    @property
    def length_limit(self) -> int | None:
        """``model_max_length`` in tokens, None when it means no limit."""
        limit = self.model_max_length
        return int(limit) if limit is not None and 0 < limit < NO_LIMIT else None

    def facts(self) -> Mapping[str, Fact]:
        """Plain values, special tokens by text, added tokens by id."""
        found = {key: Fact(value, ignorable=key in _IGNORABLE) for key, value in self.settings.items()}
        found |= {key: Fact(text) for key, text in self.tokens.items()}
        found |= {f"chat_template.{name}": Fact(text) for name, text in self.chat_templates.items()}
        found |= {f"auto_map.{name}": Fact(value) for name, value in self.auto_map.items()}
        return {**found, **{f"added_tokens.{key}": Fact(text) for key, text in self.added_tokens.items()}}


_SPECIFIC = "model_specific_special_tokens"
"""Tokens of one model by name, beside the same names at the top (transformers 5.23.0, tokenization_utils_base.py)."""


def _plain(raw: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    return {f"{prefix}{key}": value for key, value in raw.items() if not isinstance(value, dict | list)}


def _length(read: Fields) -> int | float | None:
    """Transformers writes int(1e30) for "no limit", beyond every 64-bit bound."""
    value = read.raw.get("model_max_length")
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value == value):
        return value
    read.wrong("model_max_length", "a number")
    return None


def _named(template: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in template if isinstance(template, list) else ():
        if isinstance(item, dict):
            name, text = item.get("name"), item.get("template")
            if isinstance(name, str) and isinstance(text, str):
                found[name] = text
    return found


def _added(read: Fields) -> dict[str, str]:
    entries = read.mapping("added_tokens_decoder")
    found: dict[str, str] = {}
    for key, value in entries.items():
        text = token_content(value)
        if text is None:
            place = member(key, member("added_tokens_decoder"))
            read.errors.append(
                (place, f"token {key} is {describe(value)}, expected an object with `content`")
            )
        else:
            found[key] = text
    return found
