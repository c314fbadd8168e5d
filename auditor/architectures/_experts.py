"""Mixtures of experts: a list of small feed-forwards in transformers 4, two stacked tensors in 5."""

from collections.abc import Iterator

from auditor.architectures._parts import Module, linear, parameters
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError

GENERATIONS = ("4", "5")
MOST_EXPERTS = 4_096


def experts(
    generation: str, path: str, width: int, inner: int, count: int, names: tuple[str, str, str]
) -> Iterator[Module]:
    """The router ``gate`` and the experts below ``path``; ``names`` are gate, up and down of one expert.

    transformers 5 keeps them as parameters (router too), which LoRA reaches by ``target_parameters`` only.
    """
    if count > MOST_EXPERTS:
        raise UnknownSettingError("the number of experts is no believable size")
    if generation == "5":
        yield parameters(count * width + count * 3 * inner * width)
        return
    yield linear(f"{path}.gate", width, count)
    gate, up, down = names
    for expert in range(count):
        at = f"{path}.experts.{expert}"
        yield linear(f"{at}.{gate}", width, inner)
        yield linear(f"{at}.{up}", width, inner)
        yield linear(f"{at}.{down}", inner, width)


def sparse_layers(settings: ModelSettings, layers: int, count: int) -> frozenset[int]:
    """Layers with experts: every ``decoder_sparse_step``-th that ``mlp_only_layers`` does not name."""
    step, dense = settings.size("decoder_sparse_step"), settings.given("mlp_only_layers")
    without = dense if isinstance(dense, list) else []
    return frozenset(n for n in range(layers) if n not in without and count > 0 and (n + 1) % step == 0)
