"""The encoder of BERT and its kin (models/bert, models/roberta)."""

from collections.abc import Iterator

from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError


def encoder(settings: ModelSettings, path: str, pooler: bool) -> Iterator[Module]:
    """Embeddings, layers and perhaps the pooler; ``path`` ends with a dot or is empty."""
    if settings.flag("add_cross_attention", absent=False):
        raise UnknownSettingError("cross attention is not counted")
    width, inner = settings.size("hidden_size"), settings.size("intermediate_size")
    layers = settings.layers("num_hidden_layers")
    yield embedding(f"{path}embeddings.word_embeddings", settings.size("vocab_size"), width)
    positions = settings.size("max_position_embeddings")
    yield embedding(f"{path}embeddings.position_embeddings", positions, width)
    yield embedding(f"{path}embeddings.token_type_embeddings", settings.size("type_vocab_size"), width)
    for layer in range(layers):
        at = f"{path}encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            yield linear(f"{at}.attention.self.{name}", width, width, True)
        yield linear(f"{at}.attention.output.dense", width, width, True)
        yield linear(f"{at}.intermediate.dense", width, inner, True)
        yield linear(f"{at}.output.dense", inner, width, True)
    yield parameters(2 * width + layers * 4 * width)
    if pooler:
        yield linear(f"{path}pooler.dense", width, width, True)


def classifiers(build: Build, width: int) -> Iterator[Module]:
    """The heads for tokens and questions."""
    if build.role == "token":
        yield linear("classifier", width, build.labels, True, "task")
    elif build.role == "question":
        yield linear("qa_outputs", width, build.labels, True, "task")
    elif build.role != "trunk":
        raise build.unknown_role()
