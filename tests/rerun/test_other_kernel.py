"""Where the noise is measured with another attention kernel as well: a machine of 16 bits is another by its kernels."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from auditor.model import Setting
from auditor.rerun.experiment import _variations
from auditor.rerun.options import RerunOptions


def changes(kernel: str = "eager", commanded: bool = False, **types: object) -> dict[str, object]:
    """Settings that a second variation on a CPU changes."""
    settings = {"attn_implementation": Setting(kernel, "test")}
    settings |= {key: Setting(value, "test") for key, value in types.items()}
    options = cast("RerunOptions", SimpleNamespace(threads=1, command="train.py" if commanded else None))
    bench: Any = SimpleNamespace(
        options=options, plan=SimpleNamespace(settings=settings), site=SimpleNamespace(surroundings={})
    )
    made, *more = _variations(bench)
    assert (made.threads, bool(made.flags), made.changes) == (2, True, {})
    assert all(one.name != made.name and not one.flags for one in more)
    return dict(more[0].changes) if more else {}


@pytest.mark.parametrize(
    "types",
    [
        {"compute_dtype": "bfloat16", "dtype": "float32"},
        {"compute_dtype": "float16", "quantization": "int4"},
        {"compute_dtype": "float32", "dtype": "bfloat16"},
        {"compute_dtype": "float32", "dtype": "auto"},  # the files of a base are often of 16 bits
        {"compute_dtype": "float32", "dtype": "float32", "cast_to": "bfloat16"},
    ],
)
def test_numbers_of_16_bits_are_computed_by_another_kernel(types: dict[str, Any]) -> None:
    assert changes(**types) == {"attn_implementation": "sdpa"}
    assert changes("sdpa", **types) == {"attn_implementation": "eager"}
    assert changes(commanded=True, **types) == {}  # a user's own script knows no settings


@pytest.mark.parametrize(
    "types",
    [
        {"compute_dtype": "float32", "dtype": "float32", "cast_to": None, "quantization": None},
        {"compute_dtype": "float32", "dtype": "auto", "quantization": "int4"},  # 4 bits, computed in float32
    ],
)
def test_numbers_of_32_bits_are_not(types: dict[str, Any]) -> None:
    assert changes(**types) == {}
