"""Gemma 3n's language model: AltUp, LAuReL and per-layer inputs besides Gemma 3's attention (models/gemma3n).

transformers 4 builds keys and values in every layer, 5 leaves them out of the last ``num_kv_shared_layers``.
"""

from collections.abc import Iterator
from dataclasses import replace

from auditor.architectures._decoder import Sizes, gated, heads
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError

GENERATIONS = ("4", "5")


def modules(settings: ModelSettings, build: Build, trunk: str = "model") -> Iterator[Module]:
    """Every module of the model."""
    if build.role not in ("causal", "trunk"):
        raise build.unknown_role()
    inner = _feeds(settings)
    s, path = _sizes(settings), build.inside(trunk)
    inputs = settings.size("hidden_size_per_layer_input")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    given = settings.given("num_kv_shared_layers")
    shared = given if isinstance(given, int) and build.generation == "5" else 0
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield from _layer(settings, at, replace(s, inner=inner[layer]), inputs, layer >= s.layers - shared)
    per_layer = settings.size("vocab_size_per_layer_input")
    yield embedding(f"{path}embed_tokens_per_layer", per_layer, s.layers * inputs)
    yield linear(f"{path}per_layer_model_projection", s.width, s.layers * inputs)
    streams = settings.size("altup_num_inputs")
    for name in ("altup_projections", "altup_unembed_projections"):
        for number in range(streams - 1):
            yield linear(f"{path}{name}.{number}", s.width, s.width)
    yield parameters(inputs + s.width)
    yield from heads(build, s.width, s.vocabulary)


def _layer(settings: ModelSettings, at: str, s: Sizes, inputs: int, reuses: bool) -> Iterator[Module]:
    bias, streams = settings.flag("attention_bias"), settings.size("altup_num_inputs")
    yield linear(f"{at}.self_attn.q_proj", s.width, s.queries, bias)
    if not reuses:
        yield linear(f"{at}.self_attn.k_proj", s.width, s.keys, bias)
        yield linear(f"{at}.self_attn.v_proj", s.width, s.keys, bias)
    yield linear(f"{at}.self_attn.o_proj", s.queries, s.width, bias)
    yield from gated(f"{at}.mlp", s.width, s.inner)
    yield linear(f"{at}.altup.correction_coefs", streams, streams)
    yield linear(f"{at}.altup.prediction_coefs", streams, streams**2)
    yield linear(f"{at}.altup.modality_router", s.width, streams)
    rank = settings.size("laurel_rank")
    yield linear(f"{at}.laurel.linear_left", s.width, rank)
    yield linear(f"{at}.laurel.linear_right", rank, s.width)
    yield linear(f"{at}.per_layer_input_gate", s.width, inputs)
    yield linear(f"{at}.per_layer_projection", inputs, s.width)
    # Five norms of the layer, LAuReL's, the router's, AltUp's output scale; norms on queries and keys.
    yield parameters(8 * s.width + (1 if reuses else 2) * s.head_dim)


def _sizes(settings: ModelSettings) -> Sizes:
    head_dim, width = settings.size("head_dim"), settings.size("hidden_size")
    queries = settings.size("num_attention_heads") * head_dim
    keys = settings.size("num_key_value_heads") * head_dim
    layers, vocabulary = settings.layers("num_hidden_layers"), settings.size("vocab_size")
    return Sizes(width, 0, layers, head_dim, queries, keys, vocabulary)


def _feeds(settings: ModelSettings) -> list[int]:
    """Inner width of each layer: one number for all, or a list."""
    layers, value = settings.layers("num_hidden_layers"), settings.given("intermediate_size")
    if not isinstance(value, list):
        return [settings.size("intermediate_size")] * layers
    found = [n for n in value if isinstance(n, int) and not isinstance(n, bool) and n > 0]
    if len(found) != layers or len(value) != layers:
        raise UnknownSettingError("`intermediate_size` does not have one size a layer")
    return found
