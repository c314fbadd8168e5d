"""Recomputed activations on a GPU, whose dropout masks come from another generator: the same bits.

Trained without quantization, so that bitsandbytes is not needed on the GPU machine.
"""

import shutil
from pathlib import Path

import pytest

from tests.rerun.test_memory import assert_equal, trained

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"),
]


@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_activations_that_do_not_fit_are_recomputed_to_the_same_bits(
    tmp_path: Path, compute_dtype: str
) -> None:
    """The recipe declares no gradient checkpointing."""
    followed = trained(
        tmp_path,
        ("plain", "tight", "tight-2"),
        at=1,
        fits="self.args.gradient_checkpointing",
        gpu=True,
        quantization=None,
        compute_dtype=compute_dtype,
    )
    assert followed.retried
    assert_equal(tmp_path)
