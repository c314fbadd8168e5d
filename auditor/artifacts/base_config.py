"""config.json: the shape of a base model, with the class defaults that Transformers leaves out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._config_defaults import TEXT_DEFAULTS, TIED, VISION_DEFAULTS
from auditor.artifacts._fields import Fields
from auditor.model import Blob, Fact

DIMENSION_LIMIT = 100_000_000
"""Largest believable width, vocabulary or layer count; above it the shape is not used."""


@dataclass(frozen=True, slots=True)
class TextShape:
    """The language model: sizes in elements, ``attention_bias``/``mlp_bias`` as the config's keys say."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    attention_bias: bool = False
    mlp_bias: bool = False


@dataclass(frozen=True, slots=True)
class VisionShape:
    """The vision tower: sizes in elements, ``image_size`` and ``patch_size`` in pixels.

    ``vision_use_head`` is SigLIP's pooling head, which is built unless the file says false.
    """

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_channels: int
    image_size: int
    patch_size: int
    vision_use_head: bool = True


@dataclass(frozen=True, slots=True)
class BaseConfig(Artifact):
    """One config.json, or an entry of the table of known models (``known`` is then its name).

    ``text`` and ``vision`` are None when the model type is not in the table of class defaults and the file
    does not say everything. ``tie_word_embeddings`` is the class default when the key is absent, None when
    unknown. ``text_type`` is the model type of the language part (``gemma3_text`` inside ``gemma3``).
    """

    patterns: ClassVar[tuple[str, ...]] = ("config.json",)
    raw: Mapping[str, object]
    architectures: tuple[str, ...] = ()
    model_type: str | None = None
    text_type: str | None = None
    transformers_version: str | None = None
    torch_dtype: str | None = None
    text: TextShape | None = None
    vision: VisionShape | None = None
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
        text_type = (inner.text("model_type") or _TEXT_OF.get(model_type or "")) if nested else model_type
        text = _text_shape(inner, text_type)
        return cls(
            path=path,
            raw=raw,
            architectures=read.texts("architectures"),
            model_type=model_type,
            text_type=text_type,
            transformers_version=read.text("transformers_version"),
            torch_dtype=read.text("torch_dtype") or read.text("dtype"),
            text=text,
            vision=_vision_shape(vision, model_type) if vision.raw else None,
            vocab_size=text.vocab_size if text else inner.integer("vocab_size"),
            tie_word_embeddings=_tied(read, inner, model_type, text_type),
            quantization_config=read.mapping("quantization_config"),
            auto_map=read.mapping("auto_map"),
            is_multimodal=any(key in raw for key in ("vision_config", "audio_config")),
            known=known,
            type_errors=tuple(dict.fromkeys((*read.errors, *inner.errors, *vision.errors))),
        )

    def facts(self) -> Mapping[str, Fact]:
        """Every key; the release that wrote the file makes no difference to the model."""
        return {
            key: Fact(value, ignorable=key in ("transformers_version", "_name_or_path"))
            for key, value in self.raw.items()
        }


_TEXT_OF = {"gemma3": "gemma3_text"}


def _tied(read: Fields, inner: Fields, model_type: str | None, text_type: str | None) -> bool | None:
    for source in (read, inner):
        value = source.boolean("tie_word_embeddings")
        if value is not None:
            return value
    return TIED.get(model_type or "", TIED.get(text_type or ""))


def _sizes(read: Fields, keys: tuple[str, ...], defaults: Mapping[str, int]) -> dict[str, int] | None:
    """All the keys as positive integers, from the file or the class; None when one is missing or absurd."""
    found: dict[str, int] = {}
    for key in keys:
        value = read.integer(key)
        value = defaults.get(key) if value is None else value
        if value is None or not 0 < value <= DIMENSION_LIMIT:
            return None
        found[key] = value
    return found


def _text_shape(read: Fields, text_type: str | None) -> TextShape | None:
    defaults = TEXT_DEFAULTS.get(text_type or "", {})
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    sizes = _sizes(read, names, defaults)
    if sizes is None:
        return None
    heads = sizes["num_attention_heads"]
    # A null num_key_value_heads means num_attention_heads, a null or absent head_dim means
    # hidden_size // num_attention_heads (__post_init__ of the Llama, Mistral and Qwen2 configurations).
    fallback = {"num_key_value_heads": heads, "head_dim": sizes["hidden_size"] // heads, **defaults}
    if "num_key_value_heads" in read.raw:
        fallback["num_key_value_heads"] = heads
    more = _sizes(read, ("num_key_value_heads", "head_dim"), fallback)
    if more is None:
        return None
    return TextShape(
        **sizes,
        **more,
        attention_bias=bool(read.boolean("attention_bias")),
        mlp_bias=bool(read.boolean("mlp_bias")),
    )


def _vision_shape(read: Fields, model_type: str | None) -> VisionShape | None:
    kind = read.text("model_type") or ("siglip_vision_model" if model_type == "gemma3" else "")
    names = (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_channels",
        "image_size",
        "patch_size",
    )
    sizes = _sizes(read, names, VISION_DEFAULTS.get(kind, {}))
    return (
        VisionShape(**sizes, vision_use_head=read.boolean("vision_use_head") is not False) if sizes else None
    )
