"""Mixtral: Mistral with experts in every layer (models/mixtral)."""

from collections.abc import Iterator

from auditor.architectures import _experts
from auditor.architectures._decoder import attention, heads, sizes
from auditor.architectures._parts import Build, Module, embedding, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = _experts.GENERATIONS


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    s, path = sizes(settings), build.inside("model")
    count = settings.size("num_local_experts")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield from attention(at, s)
        moe = f"{at}.block_sparse_moe"
        yield from _experts.experts(build.generation, moe, s.width, s.inner, count, ("w1", "w3", "w2"))
    yield parameters(s.layers * 2 * s.width + s.width)
    yield from heads(build, s.width, s.vocabulary)
