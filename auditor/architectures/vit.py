"""ViT: class token and positions are bare parameters; transformers 5 renames every layer (models/vit)."""

from collections.abc import Iterator

from auditor.architectures._parts import Build, Module, convolution, linear, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = ("4", "5")
MAIN_INPUT = "pixel_values"
_OLD = (
    *("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    *("attention.output.dense", "intermediate.dense", "output.dense"),
)
_NEW = (
    *("attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.o_proj", "mlp.fc1", "mlp.fc2"),
)


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    width, inner, patch = (settings.size(k) for k in ("hidden_size", "intermediate_size", "patch_size"))
    layers, path = settings.layers("num_hidden_layers"), build.inside("vit")
    patches = (settings.size("image_size") // patch) ** 2
    yield parameters(width + (patches + 1) * width, "vision")
    projection = f"{path}embeddings.patch_embeddings.projection"
    yield convolution(projection, settings.size("num_channels"), width, patch * patch, True, "vision")
    new = build.generation == "5"
    bias = settings.flag("qkv_bias")
    for layer in range(layers):
        at = f"{path}layers.{layer}" if new else f"{path}encoder.layer.{layer}"
        *narrow, up, down = _NEW if new else _OLD
        for number, name in enumerate(narrow):
            yield linear(f"{at}.{name}", width, width, bias or number == 3, "vision")
        yield linear(f"{at}.{up}", width, inner, True, "vision")
        yield linear(f"{at}.{down}", inner, width, True, "vision")
    yield parameters(layers * 4 * width + 2 * width, "vision")
    if build.role == "image":
        yield linear("classifier", width, build.labels, True, "task")
    elif build.role == "trunk":
        yield linear(f"{path}pooler.dense", width, width, True, "vision")
    else:
        raise build.unknown_role()
