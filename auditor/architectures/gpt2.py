"""GPT-2: transposed linears (Conv1D) with biases, learned positions (models/gpt2)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads
from auditor.architectures._parts import Build, Module, conv1d, embedding, parameters
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if settings.flag("add_cross_attention"):
        raise UnknownSettingError("cross attention is not counted")
    if build.role == "token":
        raise build.unknown_role()
    width, vocabulary = settings.size("n_embd"), settings.size("vocab_size")
    layers, inner = settings.layers("n_layer"), settings.size_or("n_inner", 4 * width)
    path = build.inside("transformer")
    yield embedding(f"{path}wte", vocabulary, width)
    yield embedding(f"{path}wpe", settings.size("n_positions"), width)
    for layer in range(layers):
        at = f"{path}h.{layer}"
        yield conv1d(f"{at}.attn.c_attn", width, 3 * width)
        yield conv1d(f"{at}.attn.c_proj", width, width)
        yield conv1d(f"{at}.mlp.c_fc", width, inner)
        yield conv1d(f"{at}.mlp.c_proj", inner, width)
    yield parameters(layers * 4 * width + 2 * width)
    yield from heads(build, width, vocabulary)
