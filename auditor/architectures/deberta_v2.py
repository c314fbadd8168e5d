"""DeBERTa-v2 and v3 as published: one table of relative positions, keys shared with content (models/deberta_v2)."""

from collections.abc import Iterator

from auditor.architectures._encoder import classifiers
from auditor.architectures._parts import Build, Module, convolution, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; the pooler is the classifier's own."""
    width, inner = settings.size("hidden_size"), settings.size("intermediate_size")
    layers, path = settings.layers("num_hidden_layers"), build.inside("deberta")
    yield from _embeddings(settings, f"{path}embeddings.", width)
    for layer in range(layers):
        at = f"{path}encoder.layer.{layer}"
        for name in ("query_proj", "key_proj", "value_proj"):
            yield linear(f"{at}.attention.self.{name}", width, width, True)
        yield linear(f"{at}.attention.output.dense", width, width, True)
        yield linear(f"{at}.intermediate.dense", width, inner, True)
        yield linear(f"{at}.output.dense", inner, width, True)
    yield parameters(layers * 4 * width)
    yield from _relative(settings, f"{path}encoder.", width)
    if build.role == "sequence":
        pooled = settings.size_or("pooler_hidden_size", width)
        yield linear("pooler.dense", pooled, pooled, True)
        yield linear("classifier", pooled, build.labels, True, "task")
    else:
        yield from classifiers(build, width)


def _embeddings(settings: ModelSettings, path: str, width: int) -> Iterator[Module]:
    if settings.size_or("embedding_size", width) != width:
        raise UnknownSettingError("an embedding of another width is not counted")
    yield embedding(f"{path}word_embeddings", settings.size("vocab_size"), width)
    if settings.flag("position_biased_input", absent=True):
        yield embedding(f"{path}position_embeddings", settings.size("max_position_embeddings"), width)
    if settings.given("type_vocab_size") != 0:
        yield embedding(f"{path}token_type_embeddings", settings.size("type_vocab_size"), width)
    yield parameters(2 * width)


def _relative(settings: ModelSettings, path: str, width: int) -> Iterator[Module]:
    if settings.flag("relative_attention"):
        if not settings.flag("share_att_key", absent=False):
            raise UnknownSettingError("keys of relative positions that are not shared are not counted")
        yield embedding(f"{path}rel_embeddings", 2 * settings.size("position_buckets"), width)
        if "layer_norm" in str(settings.raw.get("norm_rel_ebd", "none")):
            yield parameters(2 * width)
    kernel = settings.raw.get("conv_kernel_size", 0)
    if kernel != 0:
        if "conv_groups" in settings.raw:
            raise UnknownSettingError("a convolution in groups is not counted")
        size = settings.size("conv_kernel_size")
        yield convolution(f"{path}conv.conv", width, width, size, True, "text")
        yield parameters(2 * width)
