"""BLOOM: fused query_key_value, every linear with a bias, a norm behind the embedding (models/bloom)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; older files call the width ``n_embed``."""
    if build.role == "token":
        raise build.unknown_role()
    width = settings.size("n_embed" if "n_embed" in settings.raw else "hidden_size")
    layers, vocabulary = settings.layers("n_layer"), settings.size("vocab_size")
    path = build.inside("transformer")
    yield embedding(f"{path}word_embeddings", vocabulary, width)
    for layer in range(layers):
        at = f"{path}h.{layer}"
        yield linear(f"{at}.self_attention.query_key_value", width, 3 * width, True)
        yield linear(f"{at}.self_attention.dense", width, width, True)
        yield linear(f"{at}.mlp.dense_h_to_4h", width, 4 * width, True)
        yield linear(f"{at}.mlp.dense_4h_to_h", 4 * width, width, True)
    yield parameters(2 * width + layers * 4 * width + 2 * width)
    yield from heads(build, width, vocabulary)
