"""The SigLIP image encoder, where every linear has a bias (models/siglip/modeling_siglip.py)."""

from collections.abc import Iterator

from auditor.architectures._parts import Module, convolution, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def tower(settings: ModelSettings, path: str) -> Iterator[Module]:
    """SiglipVisionTransformer; ``path`` ends with a dot. The pooling head is built unless the file says false."""
    width, inner = settings.size("hidden_size"), settings.size("intermediate_size")
    layers, patch = settings.layers("num_hidden_layers"), settings.size("patch_size")
    channels, positions = settings.size("num_channels"), (settings.size("image_size") // patch) ** 2
    patches = f"{path}embeddings.patch_embedding"
    yield convolution(patches, channels, width, patch * patch, True, "vision")
    yield embedding(f"{path}embeddings.position_embedding", positions, width, "vision")
    for layer in range(layers):
        at = f"{path}encoder.layers.{layer}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield linear(f"{at}.self_attn.{name}", width, width, True, "vision")
        yield linear(f"{at}.mlp.fc1", width, inner, True, "vision")
        yield linear(f"{at}.mlp.fc2", inner, width, True, "vision")
    yield parameters(layers * 4 * width + 2 * width, "vision")
    if settings.flag("vision_use_head", absent=True):
        yield linear(f"{path}head.attention.out_proj", width, width, True, "vision")
        yield linear(f"{path}head.mlp.fc1", width, inner, True, "vision")
        yield linear(f"{path}head.mlp.fc2", inner, width, True, "vision")
        # SiglipMultiheadAttentionPoolingHead: probe, in_proj weight and bias, one LayerNorm.
        yield parameters(width + 3 * width * width + 3 * width + 2 * width, "vision")
