"""XLM-RoBERTa: RoBERTa's modules under RoBERTa's names (models/xlm_roberta)."""

from collections.abc import Iterator

from auditor.architectures import roberta
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    yield from roberta.modules(settings, build)
