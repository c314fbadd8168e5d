"""StarCoder2: one bias switch for every linear, LayerNorms, a plain feed-forward (models/starcoder2)."""

from collections.abc import Iterator

from auditor.architectures._decoder import attention, heads, sizes
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    s, path, bias = sizes(settings), build.inside("model"), settings.flag("use_bias")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield from attention(at, s, bias, bias)
        yield linear(f"{at}.mlp.c_fc", s.width, s.inner, bias)
        yield linear(f"{at}.mlp.c_proj", s.inner, s.width, bias)
    yield parameters(s.layers * 4 * s.width + 2 * s.width)
    yield from heads(build, s.width, s.vocabulary)
