"""OPT: learned positions with an offset of two, a narrower word embedding in 350M (models/opt)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role not in ("causal", "trunk"):
        raise build.unknown_role()
    width, inner = settings.size("hidden_size"), settings.size("ffn_dim")
    layers, vocabulary = settings.layers("num_hidden_layers"), settings.size("vocab_size")
    narrow, bias = settings.size_or("word_embed_proj_dim", width), settings.flag("enable_bias")
    path = f"{build.inside('model')}decoder."
    yield embedding(f"{path}embed_tokens", vocabulary, narrow)
    yield embedding(f"{path}embed_positions", settings.size("max_position_embeddings") + 2, width)
    if narrow != width:
        yield linear(f"{path}project_out", width, narrow)
        yield linear(f"{path}project_in", narrow, width)
    for layer in range(layers):
        at = f"{path}layers.{layer}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield linear(f"{at}.self_attn.{name}", width, width, bias)
        yield linear(f"{at}.fc1", width, inner, bias)
        yield linear(f"{at}.fc2", inner, width, bias)
    norm = 2 * width if settings.flag("layer_norm_elementwise_affine") else 0
    final = settings.flag("do_layer_norm_before") and not settings.flag("_remove_final_layer_norm")
    yield parameters(layers * 2 * norm + (norm if final else 0))
    yield from heads(build, narrow, vocabulary)
