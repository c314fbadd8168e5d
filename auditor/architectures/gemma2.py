"""Gemma 2: four norms a layer (models/gemma2)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like, sizes
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    bias, width = settings.flag("attention_bias"), sizes(settings).width
    yield from llama_like(settings, build, in_bias=bias, out_bias=bias, norms=4 * width)
