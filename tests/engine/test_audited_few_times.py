"""How often an audit reads the weights: rules ask for themselves, and share what is found out about a tensor."""

import numpy
import pytest

from auditor.engine.audit import Options, check, compare
from tests.builders import adapter_folders as folders
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


def test_adapters_of_a_plain_folder() -> None:
    """Read once: extremes and squares in one pass. The last checkpoint and the run's own, which are equal, once more.

    No store names the files. Those of two checkpoints are told apart by their first bytes, without hashing them: 256
    KiB each time, of two megabytes.
    """
    generator = numpy.random.default_rng(0)
    a, b = (generator.normal(0, 0.02, shape).astype("f4") for shape in ((4, 65_536), (65_536, 4)))
    made = {"model.layers.0.mlp.up_proj": (a, b)}
    files: dict[str, bytes] = {}
    for step in (1, 2, 3):
        made = {name: (a + numpy.float32(1e-4), b * 2) for name, (a, b) in made.items()}
        files |= folders.folder(made, f"checkpoint-{step}")
        files[f"checkpoint-{step}/trainer_state.json"] = folders.state(step, 3)
    files |= folders.folder(made)
    source = Counted(folders.snapshot(files), named=False)
    check(source.snapshot, Options())
    sizes = {path: size for path, size in source.sizes.items() if path.endswith(OWN)}
    for path, size in sizes.items():
        wanted = 2 if path in (OWN[0], f"checkpoint-3/{OWN[0]}") else 1
        assert source.bytes[path] / size == pytest.approx(wanted, abs=0.3), path
