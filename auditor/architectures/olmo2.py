"""OLMo 2: norms after attention and feed-forward, and over all queries and keys (models/olmo2)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like, sizes
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role not in ("causal", "trunk"):
        raise build.unknown_role()
    s, bias = sizes(settings), settings.flag("attention_bias")
    norms = 2 * s.width + s.queries + s.keys
    yield from llama_like(settings, build, in_bias=bias, out_bias=bias, norms=norms)
