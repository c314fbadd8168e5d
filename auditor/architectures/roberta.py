"""RoBERTa: BERT's encoder, a two-layer classifier instead of the pooler (models/roberta)."""

from collections.abc import Iterator

from auditor.architectures._encoder import classifiers, encoder
from auditor.architectures._parts import Build, Module, linear, output_head, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    width = settings.size("hidden_size")
    yield from encoder(settings, build.inside("roberta"), build.role == "trunk")
    if build.role == "sequence":
        yield linear("classifier.dense", width, width, True, "task")
        yield linear("classifier.out_proj", width, build.labels, True, "task")
    elif build.role == "masked":
        yield linear("lm_head.dense", width, width, True)
        yield parameters(2 * width)
        yield output_head(build, "lm_head.decoder", width, settings.size("vocab_size"), True)
    else:
        yield from classifiers(build, width)
