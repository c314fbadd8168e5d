"""config.json: what a base model's file says about its shape, and the settings that complete it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import Fields
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError
from auditor.model import Blob, Fact

_SIZES = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("head_dim", "vocab_size", "num_channels", "image_size", "patch_size"),
)
"""Keys that hold integers in every configuration; gemma3n's intermediate_size may be a list."""


@dataclass(frozen=True, slots=True)
class BaseConfig(Artifact):
    """One config.json, or an entry of the table of known models (``known`` is then its name).

    ``text_type`` is the model type of the language part (``gemma3_text`` inside ``gemma3``), ``vocab_size`` its
    vocabulary. Where the file is silent, ``vocab_size`` and ``tie_word_embeddings`` are the class's defaults; None when
    those are unknown too. `settings` reads any other key in the same way.
    """

    patterns: ClassVar[tuple[str, ...]] = ("config.json",)
    path: str
    raw: Mapping[str, object]
    architectures: tuple[str, ...] = ()
    model_type: str | None = None
    text_type: str | None = None
    transformers_version: str | None = None
    torch_dtype: str | None = None
    vocab_size: int | None = None
    tie_word_embeddings: bool | None = None
    quantization_config: Mapping[str, object] = field(default_factory=dict)
    auto_map: Mapping[str, object] = field(default_factory=dict)
    is_multimodal: bool = False
    known: str | None = None
    type_errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read any JSON object of that name; one that configures no model has ``model_type`` None."""
        return cls.of(blob.path, read_json_object(blob))

    @classmethod
    def of(cls, path: str, raw: Mapping[str, object], known: str | None = None) -> Self:
        """The configuration a mapping spells, whatever it came from."""
        read = Fields(raw)
        model_type = read.text("model_type")
        nested = read.mapping("text_config")
        inner = Fields(nested, "/text_config") if nested else read
        vision = Fields(read.mapping("vision_config"), "/vision_config")
        text_type = (inner.text("model_type") or TEXT_OF.get(model_type or "")) if nested else model_type
        _note_wrong_sizes(inner, vision)
        return cls(
            path=path,
            raw=raw,
            architectures=read.texts("architectures"),
            model_type=model_type,
            text_type=text_type,
            transformers_version=read.text("transformers_version"),
            torch_dtype=read.text("torch_dtype") or read.text("dtype"),
            vocab_size=_vocabulary(inner, text_type),
            tie_word_embeddings=_tied(read, inner, model_type, text_type),
            quantization_config=read.mapping("quantization_config"),
            auto_map=read.mapping("auto_map"),
            is_multimodal=any(key in raw for key in ("vision_config", "audio_config")),
            known=known,
            type_errors=tuple(dict.fromkeys((*read.errors, *inner.errors, *vision.errors))),
        )

    @property
    def settings(self) -> ModelSettings:
        """Every key of the file with the class's defaults behind it."""
        return ModelSettings(self.raw, self.model_type)

    def facts(self) -> Mapping[str, Fact]:
        """Every key; the release that wrote the file makes no difference to the model."""
        return {
            key: Fact(value, ignorable=key in ("transformers_version", "_name_or_path"))
            for key, value in self.raw.items()
        }


TEXT_OF = {"gemma3": "gemma3_text", "gemma3n": "gemma3n_text", "clip": "clip_text_model"}
"""Type of a text_config that names none, by the type around it."""


def _note_wrong_sizes(text: Fields, vision: Fields) -> None:
    for part in (text, vision):
        for key in _SIZES:
            if not isinstance(part.raw.get(key), list):
                part.integer(key)


def _vocabulary(inner: Fields, text_type: str | None) -> int | None:
    try:
        return ModelSettings(inner.raw, text_type).size("vocab_size")
    except UnknownSettingError:
        return None


def _tied(read: Fields, inner: Fields, model_type: str | None, text_type: str | None) -> bool | None:
    for source in (read, inner):
        value = source.boolean("tie_word_embeddings")
        if value is not None:
            return value
    for kind in (model_type, text_type):
        try:
            return ModelSettings({}, kind).flag("tie_word_embeddings")
        except UnknownSettingError:
            continue
    return None
