"""BERT: a pooler for sequences only, and the heads of models/bert."""

from collections.abc import Iterator

from auditor.architectures._encoder import classifiers, encoder
from auditor.architectures._parts import Build, Module, linear, output_head, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    width = settings.size("hidden_size")
    yield from encoder(settings, build.inside("bert"), build.role in ("sequence", "trunk"))
    if build.role == "sequence":
        yield linear("classifier", width, build.labels, True, "task")
    elif build.role == "masked":
        yield linear("cls.predictions.transform.dense", width, width, True)
        yield parameters(2 * width)
        yield output_head(build, "cls.predictions.decoder", width, settings.size("vocab_size"), True)
    else:
        yield from classifiers(build, width)
