"""Whisper: two convolutions, k_proj without bias, embedded positions, a tied head ``proj_out`` (models/whisper)."""

from collections.abc import Iterator

from auditor.architectures._parts import (
    Build,
    Module,
    convolution,
    embedding,
    linear,
    output_head,
    parameters,
)
from auditor.artifacts._model_settings import ModelSettings

MAIN_INPUT = "input_features"


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role not in ("conditional", "trunk"):
        raise build.unknown_role()
    width, vocabulary, path = settings.size("d_model"), settings.size("vocab_size"), build.inside("model")
    yield convolution(f"{path}encoder.conv1", settings.size("num_mel_bins"), width, 3, True, "text")
    yield convolution(f"{path}encoder.conv2", width, width, 3, True, "text")
    yield embedding(f"{path}encoder.embed_positions", settings.size("max_source_positions"), width)
    yield from _layers(settings, f"{path}encoder", "encoder", ("self_attn",))
    yield embedding(f"{path}decoder.embed_tokens", vocabulary, width)
    yield embedding(f"{path}decoder.embed_positions", settings.size("max_target_positions"), width)
    yield from _layers(settings, f"{path}decoder", "decoder", ("self_attn", "encoder_attn"))
    if build.role == "conditional":
        yield output_head(build, "proj_out", width, vocabulary)


def _layers(settings: ModelSettings, path: str, side: str, attentions: tuple[str, ...]) -> Iterator[Module]:
    width, inner = settings.size("d_model"), settings.size(f"{side}_ffn_dim")
    layers = settings.layers(f"{side}_layers")
    for layer in range(layers):
        at = f"{path}.layers.{layer}"
        for attention in attentions:
            for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield linear(f"{at}.{attention}.{name}", width, width, name != "k_proj")
        yield linear(f"{at}.fc1", width, inner, True)
        yield linear(f"{at}.fc2", inner, width, True)
    yield parameters(layers * (len(attentions) + 1) * 2 * width + 2 * width)
