"""Gemma 3n with images and sound: the language model is known, its timm and conformer encoders are not."""

from collections.abc import Iterator
from dataclasses import replace

from auditor.architectures import gemma3n_text
from auditor.architectures._parts import Build, Module, opaque
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = gemma3n_text.GENERATIONS


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """The modules of the language model; `causal` is that alone, as Gemma3nForCausalLM builds it."""
    text = settings.part("text_config", "gemma3n_text")
    if build.role == "causal":
        yield from gemma3n_text.modules(text, build)
        return
    if build.role != "conditional":
        raise build.unknown_role()
    yield from gemma3n_text.modules(text, replace(build, role="causal"), "model.language_model")
    yield opaque("model.vision_tower", "vision")
    yield opaque("model.audio_tower", "audio")
    yield opaque("model.embed_vision", "projector")
    yield opaque("model.embed_audio", "projector")
