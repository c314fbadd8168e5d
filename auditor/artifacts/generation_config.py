"""generation_config.json: how a model writes text, and the token ids at which it begins, fills up and stops."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import Fields
from auditor.model import Blob, Fact

IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")


@dataclass(frozen=True, slots=True)
class GenerationConfig(Artifact):
    """One generation_config.json; ``ids`` maps the keys of `IDS` to their ids, one or several."""

    patterns: ClassVar[tuple[str, ...]] = ("generation_config.json",)
    path: str
    raw: Mapping[str, object]
    ids: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    transformers_version: str | None = None

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file. Raises CannotRead."""
        raw = read_json_object(blob)
        return cls(blob.path, raw, token_ids(raw), Fields(raw).text("transformers_version"))

    def facts(self) -> Mapping[str, Fact]:
        """Every key; the release that wrote the file makes no difference to what it says."""
        return {key: Fact(value, ignorable=key == "transformers_version") for key, value in self.raw.items()}


def token_ids(raw: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """The ids under the keys of `IDS`: an integer or a list of them; other values are left out."""
    found: dict[str, tuple[int, ...]] = {}
    for key in IDS:
        value = raw.get(key)
        items = value if isinstance(value, list) else [value]
        numbers = tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))
        if numbers:
            found[key] = numbers
    return found
