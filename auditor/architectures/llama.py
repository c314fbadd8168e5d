"""Llama: `attention_bias` on all four projections, `mlp_bias` on the feed-forward (models/llama)."""

from collections.abc import Iterator

from auditor.architectures._decoder import llama_like
from auditor.architectures._parts import Build, Module
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    bias = settings.flag("attention_bias")
    mlp_bias = settings.flag("mlp_bias")
    yield from llama_like(settings, build, in_bias=bias, out_bias=bias, mlp_bias=mlp_bias)
