"""special_tokens_map.json: which text plays which special part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import describe, member
from auditor.artifacts._tokens import special_tokens, token_list
from auditor.model import Blob, Fact

Form = Literal["string", "object"]


@dataclass(frozen=True, slots=True)
class SpecialTokensMap(Artifact):
    """One special_tokens_map.json.

    ``forms`` tells how a token is spelled: an object comes from the tokenizer's own files, a bare string was
    assigned in Python (``tokenizer.pad_token = tokenizer.eos_token``) or belongs to an extra token.
    """

    patterns: ClassVar[tuple[str, ...]] = ("special_tokens_map.json",)
    path: str
    tokens: Mapping[str, str]
    forms: Mapping[str, Form] = field(default_factory=dict)
    additional: tuple[str, ...] = ()
    type_errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file. Raises CannotRead."""
        raw = read_json_object(blob)
        tokens = special_tokens(raw)
        forms: dict[str, Form] = {key: "object" if isinstance(raw[key], dict) else "string" for key in tokens}
        wrong = tuple(
            (member(key), f"`{key}` is {describe(value)}, expected a string or an object with `content`")
            for key, value in raw.items()
            if key.endswith("_token") and key not in tokens and value is not None
        )
        additional = tuple(token_list(raw.get("additional_special_tokens")))
        return cls(blob.path, tokens, forms, additional, wrong)

    def facts(self) -> Mapping[str, Fact]:
        """The tokens by part; their spelling form is not part of the meaning and is shown only."""
        found = {key: Fact(text) for key, text in self.tokens.items()}
        found |= {f"{key}.form": Fact(form, ignorable=True) for key, form in self.forms.items()}
        return {**found, "additional_special_tokens": Fact(self.additional)}
