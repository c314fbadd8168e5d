"""Mistral: Llama without biases (models/mistral)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    yield from llama_like(settings, build)
