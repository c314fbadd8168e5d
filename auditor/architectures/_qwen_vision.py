"""What Qwen2-VL and Qwen2.5-VL share: a Qwen2 model beside ``visual``, both below ``model`` from transformers 4.52 on.

The language model's keys stand at the top of older files and in ``text_config`` of newer ones (models/qwen2_vl,
models/qwen2_5_vl; the constants are the defaults of their vision configurations).
"""

from collections.abc import Iterator
from dataclasses import replace

from auditor.architectures._decoder import llama_like
from auditor.architectures._parts import Build, Module, convolution, linear, parameters
from auditor.artifacts._model_settings import ModelSettings

BEFORE, AFTER = "4.51 and older", "4.52 and newer"
CHANNELS, PATCH, MERGE, FRAMES = 3, 14, 2, 2


def language(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """The Qwen2 model and its head, the head last."""
    if build.role != "conditional":
        raise build.unknown_role()
    text = settings.part("text_config", "") if "text_config" in settings.raw else settings
    trunk = "model" if build.generation == BEFORE else "model.language_model"
    yield from llama_like(text, replace(build, role="causal"), in_bias=True, trunk=trunk)


def visual(build: Build) -> str:
    """The path of the image encoder, with a dot."""
    return "visual." if build.generation == BEFORE else "model.visual."


def patches(vision: ModelSettings, path: str, width: int) -> Module:
    """The three-dimensional convolution over patches of two frames, without a bias."""
    patch, frames = vision.size_or("patch_size", PATCH), vision.size_or("temporal_patch_size", FRAMES)
    channels = vision.size_or("in_channels", CHANNELS)
    return convolution(f"{path}patch_embed.proj", channels, width, frames * patch * patch, False, "vision")


def attention(at: str, width: int) -> Iterator[Module]:
    """Fused qkv and the projection behind it."""
    yield linear(f"{at}.attn.qkv", width, 3 * width, True, "vision")
    yield linear(f"{at}.attn.proj", width, width, True, "vision")


def merger(vision: ModelSettings, path: str, width: int, outputs: int, norm: int) -> Iterator[Module]:
    """Two linears that join neighbouring patches; ``norm`` is the elements of the norm before them."""
    joined = width * vision.size_or("spatial_merge_size", MERGE) ** 2
    yield parameters(norm, "projector")
    yield linear(f"{path}merger.mlp.0", joined, joined, True, "projector")
    yield linear(f"{path}merger.mlp.2", joined, outputs, True, "projector")
