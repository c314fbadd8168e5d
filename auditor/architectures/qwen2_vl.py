"""Qwen2-VL: an image encoder with LayerNorms and a plain feed-forward (models/qwen2_vl)."""

from collections.abc import Iterator

from auditor.architectures import _qwen_vision as shared
from auditor.architectures._parts import Build, Module, linear, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = (shared.BEFORE, shared.AFTER)


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    *language, head = shared.language(settings, build)
    vision, path = settings.part("vision_config", ""), shared.visual(build)
    width, layers = vision.size("embed_dim"), vision.layers("depth")
    inner = width * vision.size_or("mlp_ratio", 4)
    yield shared.patches(vision, path, width)
    for layer in range(layers):
        at = f"{path}blocks.{layer}"
        yield from shared.attention(at, width)
        yield linear(f"{at}.mlp.fc1", width, inner, True, "vision")
        yield linear(f"{at}.mlp.fc2", inner, width, True, "vision")
    yield parameters(layers * 4 * width, "vision")
    yield from shared.merger(vision, path, width, vision.size("hidden_size"), 2 * width)
    yield from language
    yield head
