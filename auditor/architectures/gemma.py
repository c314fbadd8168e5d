"""Gemma: Llama's shape with its own head_dim and a tied head (models/gemma)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    bias = settings.flag("attention_bias")
    yield from llama_like(settings, build, in_bias=bias, out_bias=bias)
