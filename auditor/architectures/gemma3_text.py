"""Gemma 3 without images: four norms a layer and one each on queries and keys (models/gemma3)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like, sizes
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build, trunk: str = "model") -> Iterator[Module]:
    """Every module of the model."""
    s, bias = sizes(settings), settings.flag("attention_bias")
    norms = 4 * s.width + 2 * s.head_dim
    yield from llama_like(settings, build, in_bias=bias, out_bias=bias, norms=norms, trunk=trunk)
