"""GPT-NeoX and Pythia: fused query_key_value; the head is ``embed_out`` before transformers 5 (models/gpt_neox)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = ("4", "5")


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; `attention_bias` does not reach the feed-forward."""
    if build.role == "token":
        raise build.unknown_role()
    width, inner = settings.size("hidden_size"), settings.size("intermediate_size")
    layers, vocabulary = settings.layers("num_hidden_layers"), settings.size("vocab_size")
    bias, path = settings.flag("attention_bias", absent=True), build.inside("gpt_neox")
    yield embedding(f"{path}embed_in", vocabulary, width)
    for layer in range(layers):
        at = f"{path}layers.{layer}"
        yield linear(f"{at}.attention.query_key_value", width, 3 * width, bias)
        yield linear(f"{at}.attention.dense", width, width, bias)
        yield linear(f"{at}.mlp.dense_h_to_4h", width, inner, True)
        yield linear(f"{at}.mlp.dense_4h_to_h", inner, width, True)
    yield parameters(layers * 4 * width + 2 * width)
    yield from heads(build, width, vocabulary, "embed_out" if build.generation == "4" else "lm_head")
