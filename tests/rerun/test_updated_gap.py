"""How many parameters were updated: modules whose lora_B is zero on one side alone.

The fixture adapts 14 modules with r 8; the one that is zeroed here has in 64 and out 32 features, by its tensors.
"""

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import Verdict
from tests.rerun import variants as v
from tests.rerun.test_verdict import MODULE, aspect, diverged, noisy, verdict_on

AT = "adapter_model.safetensors"


def zeroed(files: v.Files, paths: tuple[str, ...] = v.WEIGHTS, value: float = 0.0) -> v.Files:
    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return numpy.full_like(array, value) if f"{MODULE}.lora_B" in name else array

    return {**files, **{path: v.with_tensors(files[path], edit) for path in paths}}


def sizes() -> tuple[int, int]:
    """Elements of all factors, and of the two of the zeroed module, by their shapes."""
    weights = v.run_of(v.committed()).root.one(AdapterWeights)
    assert weights is not None
    every = {name: int(numpy.prod(info.shape)) for name, info in weights.tensors.items()}
    return sum(every.values()), sum(size for name, size in every.items() if MODULE in name)


def test_every_module_that_was_updated_is_counted() -> None:
    item = aspect(verdict_on(v.committed()), "parameters", AT)
    assert item.verdict is Verdict.IDENTICAL
    assert item.why == f"{sizes()[0]:,} parameters were updated, in 14 of 14 modules, as in the rerun"


def test_a_module_that_was_never_updated_is_named() -> None:
    whole, one = sizes()
    item = aspect(verdict_on(zeroed(v.committed(), (AT,))), "parameters", AT)
    assert item.verdict is Verdict.DIVERGED
    assert item.why == (
        f"{whole - one:,} parameters were updated, in 13 of 14 modules, by the rerun {whole:,} in 14; "
        f"{MODULE} was never updated"
    )


def test_a_module_that_the_recipe_leaves_alone_is_named() -> None:
    item = aspect(verdict_on(v.committed(), v.outputs(zeroed(v.committed()))), "parameters", AT)
    assert item.why.endswith(f"{MODULE} was updated and the rerun leaves it alone")


def test_modules_that_both_leave_alone_agree() -> None:
    files = zeroed(v.committed())
    item = aspect(verdict_on(files, v.outputs(files)), "parameters", AT)
    assert (item.verdict, "in 13 of 14 modules, as in the rerun" in item.why) == (Verdict.IDENTICAL, True)


def test_noise_updates_the_same_parameters() -> None:
    assert aspect(verdict_on(noisy(v.committed(), 5e-5)), "parameters", AT).verdict is Verdict.IDENTICAL


@pytest.mark.parametrize(
    ("dtype", "value", "stays"),
    [("F16", 1e-9, True), ("F16", 1e-3, False), ("BF16", 1e-41, True), ("BF16", 1e-9, False)],
)
def test_what_a_shorter_type_stores_as_zero_counts_as_zero(dtype: str, value: float, *, stays: bool) -> None:
    """float16 has nothing between 0 and 6e-8, bfloat16 nothing between 0 and 9e-41."""
    rerun = zeroed(v.committed(), value=value)
    files = zeroed(v.committed(), (AT,))
    short = "f2" if dtype == "F16" else "f4"
    files[AT] = v.with_tensors(files[AT], lambda _, array: array.astype(short), dtype)
    result = verdict_on(files, v.outputs(rerun))
    assert (("parameters", AT) not in diverged(result)) is stays
