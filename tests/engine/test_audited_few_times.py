"""How often an audit reads the weights: rules ask for themselves, and share what is found out about a tensor."""

import pytest

from auditor.engine.audit import Options, check, compare
from tests.builders.counting import Counted
from tests.builders.repositories import healthy

OWN, CHECKPOINTS = ("adapter_model.safetensors",), "checkpoint-"


def factors(source: Counted) -> tuple[float, float]:
    """Bytes read over the size: of the run's own adapter, and of its two checkpoints'."""
    paths = [path for path in source.sizes if path.endswith(OWN)]
    own = [path for path in paths if not path.startswith(CHECKPOINTS)]
    return tuple(
        sum(source.bytes[path] for path in some) / sum(source.sizes[path] for path in some)
        for some in (own, [path for path in paths if path not in own])
    )  # type: ignore[return-value]


@pytest.mark.parametrize("sides", [1, 2])
def test_adapters_of_a_run(sides: int) -> None:
    """Whole: extremes of every tensor, and neighbours held against each other; the rest are beginnings of tensors.

    The tiny run's tensors are shorter than the 4,096 numbers that three rules look at.
    """
    sources = [Counted(healthy()) for _ in range(sides)]
    if sides == 1:
        check(sources[0].snapshot, Options())
    else:
        compare(sources[0].snapshot, sources[1].snapshot, True, Options())
    for source in sources:
        own, checkpoints = factors(source)
        assert own <= 2.2
        assert checkpoints <= 3.2
