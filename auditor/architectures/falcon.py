"""Falcon: fused query_key_value whose width follows multi_query and the decoder generation (models/falcon).

``FalconAttention`` of 7B (multi_query) has one key and one value head; the new decoder architecture (40B, 180B)
groups them (``num_kv_heads``); RW models have all heads. Norms: two in parallel (new), one (parallel_attn), or two in
sequence.
"""

from collections.abc import Iterator

from auditor.architectures._decoder import heads
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role == "token":
        raise build.unknown_role()
    width, bias = settings.size("hidden_size"), settings.flag("bias")
    layers, vocabulary = settings.layers("num_hidden_layers"), settings.size("vocab_size")
    inner, path = settings.size_or("ffn_hidden_size", 4 * width), build.inside("transformer")
    yield embedding(f"{path}word_embeddings", vocabulary, width)
    for layer in range(layers):
        at = f"{path}h.{layer}"
        yield linear(f"{at}.self_attention.query_key_value", width, _fused(settings, width), bias)
        yield linear(f"{at}.self_attention.dense", width, width, bias)
        yield linear(f"{at}.mlp.dense_h_to_4h", width, inner, bias)
        yield linear(f"{at}.mlp.dense_4h_to_h", inner, width, bias)
    yield parameters(layers * _norms(settings) * 2 * width + 2 * width)
    yield from heads(build, width, vocabulary)


def _fused(settings: ModelSettings, width: int) -> int:
    count = settings.size("num_attention_heads")
    head_dim = width // count
    if settings.flag("new_decoder_architecture"):
        return (2 * settings.size_or("num_kv_heads", count) + count) * head_dim
    return width + 2 * head_dim if settings.flag("multi_query") else 3 * width


def _norms(settings: ModelSettings) -> int:
    new = settings.flag("new_decoder_architecture")
    if new and settings.size_or("num_ln_in_parallel_attn", 2) == 2:
        return 2
    return 1 if settings.flag("parallel_attn") else 2
