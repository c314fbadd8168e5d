"""Qwen2-MoE: Qwen2 with experts and one shared expert behind its own gate (models/qwen2_moe)."""

from collections.abc import Iterator

from auditor.architectures import _experts
from auditor.architectures._decoder import attention, gated, heads, sizes
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = _experts.GENERATIONS
_NAMES = ("gate_proj", "up_proj", "down_proj")


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    s, path = sizes(settings), build.inside("model")
    count, bias = settings.size("num_experts"), settings.flag("qkv_bias", absent=True)
    small, shared = settings.size("moe_intermediate_size"), settings.size("shared_expert_intermediate_size")
    sparse = _experts.sparse_layers(settings, s.layers, count)
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield from attention(at, s, bias)
        if layer in sparse:
            yield from _experts.experts(build.generation, f"{at}.mlp", s.width, small, count, _NAMES)
            yield from gated(f"{at}.mlp.shared_expert", s.width, shared)
            yield linear(f"{at}.mlp.shared_expert_gate", s.width, 1)
        else:
            yield from gated(f"{at}.mlp", s.width, s.inner)
    yield parameters(s.layers * 2 * s.width + s.width)
    yield from heads(build, s.width, s.vocabulary)
