"""DistilBERT: no token types, no pooler, a pre_classifier for sequences (models/distilbert)."""

from collections.abc import Iterator

from auditor.architectures._encoder import classifiers
from auditor.architectures._parts import Build, Module, embedding, linear, output_head, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; sinusoidal positions are an embedding too."""
    width, inner, layers = settings.size("dim"), settings.size("hidden_dim"), settings.layers("n_layers")
    path, vocabulary = build.inside("distilbert"), settings.size("vocab_size")
    yield embedding(f"{path}embeddings.word_embeddings", vocabulary, width)
    yield embedding(f"{path}embeddings.position_embeddings", settings.size("max_position_embeddings"), width)
    for layer in range(layers):
        at = f"{path}transformer.layer.{layer}"
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield linear(f"{at}.attention.{name}", width, width, True)
        yield linear(f"{at}.ffn.lin1", width, inner, True)
        yield linear(f"{at}.ffn.lin2", inner, width, True)
    yield parameters(2 * width + layers * 4 * width)
    if build.role == "sequence":
        yield linear("pre_classifier", width, width, True, "task")
        yield linear("classifier", width, build.labels, True, "task")
    elif build.role == "masked":
        yield linear("vocab_transform", width, width, True)
        yield parameters(2 * width)
        yield output_head(build, "vocab_projector", width, vocabulary, True)
    else:
        yield from classifiers(build, width)
