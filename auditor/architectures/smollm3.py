"""SmolLM3: Llama's modules, some layers without rotary positions (models/smollm3)."""

from collections.abc import Iterator

from auditor.architectures import llama
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    yield from llama.modules(settings, build)
