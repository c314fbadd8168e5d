"""GPT-OSS: biased attention with one sink a head, experts and router as bare parameters (models/gpt_oss)."""

from collections.abc import Iterator

from auditor.architectures._decoder import attention, heads, sizes
from auditor.architectures._parts import Build, Module, embedding, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    s, path = sizes(settings), build.inside("model")
    count, bias = settings.size("num_local_experts"), settings.flag("attention_bias")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        yield from attention(f"{path}layers.{layer}", s, bias, bias)
    # gate_up_proj and down_proj with their biases, the router with its bias, two norms and the sinks.
    stacked = count * (3 * s.width * s.inner + 2 * s.inner + s.width)
    router = count * s.width + count
    yield parameters(s.layers * (stacked + router + 2 * s.width + s.queries // s.head_dim) + s.width)
    yield from heads(build, s.width, s.vocabulary)
