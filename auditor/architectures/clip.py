"""CLIP: two encoders of one shape and two projections without bias (models/clip)."""

from collections.abc import Iterator

from auditor.architectures._parts import Build, Module, Tower, convolution, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of CLIPModel, the only class known here."""
    if build.role != "trunk":
        raise build.unknown_role()
    text = settings.part("text_config", "clip_text_model")
    vision = settings.part("vision_config", "clip_vision_model")
    width, sight, joint = (
        text.size("hidden_size"),
        vision.size("hidden_size"),
        settings.size("projection_dim"),
    )
    yield embedding("text_model.embeddings.token_embedding", text.size("vocab_size"), width)
    positions = text.size("max_position_embeddings")
    yield embedding("text_model.embeddings.position_embedding", positions, width)
    yield from _layers(text, "text_model", "text")
    yield parameters(2 * width)
    patch = vision.size("patch_size")
    name = "vision_model.embeddings.patch_embedding"
    yield convolution(name, vision.size("num_channels"), sight, patch * patch, False, "vision")
    positions = (vision.size("image_size") // patch) ** 2 + 1
    yield embedding("vision_model.embeddings.position_embedding", positions, sight, "vision")
    yield from _layers(vision, "vision_model", "vision")
    # The class token and the norms before and after the layers.
    yield parameters(sight + 4 * sight, "vision")
    yield linear("visual_projection", sight, joint, False, "projector")
    yield linear("text_projection", width, joint, False, "projector")
    yield parameters(1, "projector")  # logit_scale


def _layers(settings: ModelSettings, path: str, tower: Tower) -> Iterator[Module]:
    width, inner = settings.size("hidden_size"), settings.size("intermediate_size")
    layers = settings.layers("num_hidden_layers")
    for layer in range(layers):
        at = f"{path}.encoder.layers.{layer}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield linear(f"{at}.self_attn.{name}", width, width, True, tower)
        yield linear(f"{at}.mlp.fc1", width, inner, True, tower)
        yield linear(f"{at}.mlp.fc2", inner, width, True, tower)
    yield parameters(layers * 4 * width, tower)
