"""Phi-3, 3.5 and 4: fused qkv and gate_up projections, no biases (models/phi3)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads, sizes
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role == "token":
        raise build.unknown_role()
    s, path = sizes(settings), build.inside("model")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield linear(f"{at}.self_attn.o_proj", s.queries, s.width)
        yield linear(f"{at}.self_attn.qkv_proj", s.width, s.queries + 2 * s.keys)
        yield linear(f"{at}.mlp.gate_up_proj", s.width, 2 * s.inner)
        yield linear(f"{at}.mlp.down_proj", s.inner, s.width)
    yield parameters(s.layers * 2 * s.width + s.width)
    yield from heads(build, s.width, s.vocabulary)
