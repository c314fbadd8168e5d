"""Qwen2.5-VL: an image encoder with RMS norms and a gated feed-forward with biases (models/qwen2_5_vl)."""

from collections.abc import Iterator
from dataclasses import replace

from auditor.architectures import _qwen_vision as shared
from auditor.architectures._decoder import gated
from auditor.architectures._parts import Build, Module, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = (shared.BEFORE, shared.AFTER)


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    *language, head = shared.language(settings, build)
    vision, path = settings.part("vision_config", ""), shared.visual(build)
    width, layers = vision.size("hidden_size"), vision.layers("depth")
    inner = vision.size("intermediate_size")
    yield shared.patches(vision, path, width)
    for layer in range(layers):
        at = f"{path}blocks.{layer}"
        yield from shared.attention(at, width)
        yield from (replace(module, tower="vision") for module in gated(f"{at}.mlp", width, inner, True))
    yield parameters(layers * 2 * width, "vision")
    yield from shared.merger(vision, path, width, vision.size("out_hidden_size"), width)
    yield from language
    yield head
