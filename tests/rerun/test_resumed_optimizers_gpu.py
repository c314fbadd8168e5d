"""On a GPU: every optimizer whose state is written afresh, trained on from a checkpoint, ends in the same bits.

Those of bitsandbytes run where it is installed; states of paged ones are large enough to be paged.
"""

import importlib.util
import shutil

import pytest

from tests.rerun import resumed

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"),
]
BITSANDBYTES = importlib.util.find_spec("bitsandbytes") is not None
OURS = (*resumed.TORCH, *resumed.WITH_ARGUMENTS)
OF_TRL = (
    [name for name in resumed.OF_TRL if BITSANDBYTES or name != "sft-int4"]
    if importlib.util.find_spec("trl") is not None
    else []
)
THEIRS = (*resumed.PAGED, *resumed.BYTES, *resumed.FLOATS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> resumed.Trained:
    names = (*OURS, *resumed.OF_MODELS, *resumed.SCALED, *OF_TRL, *(THEIRS if BITSANDBYTES else ()))
    return resumed.both(tmp_path_factory.mktemp("optimizers"), names, "cuda")


@pytest.mark.parametrize("name", [*OURS, *resumed.OF_MODELS, *OF_TRL])
def test_a_segment_ends_in_the_bits_of_the_whole(trained: resumed.Trained, name: str) -> None:
    resumed.assert_same_bits(trained, name)


@pytest.mark.skipif(not BITSANDBYTES, reason="bitsandbytes is missing")
@pytest.mark.parametrize("name", THEIRS)
def test_a_segment_of_bitsandbytes_ends_in_the_bits_of_the_whole(trained: resumed.Trained, name: str) -> None:
    resumed.assert_same_bits(trained, name)
    assert ("uint8" in resumed.types(trained.end(name))) == name.endswith("8bit")


@pytest.mark.parametrize("name", resumed.SCALED)
def test_a_gradient_scaler_goes_on_where_it_was(trained: resumed.Trained, name: str) -> None:
    """Scale and growth tracker are those of the checkpoint: a new scaler would begin at 65,536 and count anew."""
    (half,) = [item for item in trained.run(name).checkpoints if item.step == resumed.HALF]
    middle, end = resumed.scaler(half), resumed.scaler(trained.end(name))
    assert middle is not None
    assert end is not None
    assert middle != (65536.0, 0)  # it overflowed, or counted steps without
    assert end != middle
    resumed.assert_same_bits(trained, name)
