"""mT5: T5's modules (models/mt5)."""

from collections.abc import Iterator

from auditor.architectures import t5
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = t5.GENERATIONS


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    yield from t5.modules(settings, build)
