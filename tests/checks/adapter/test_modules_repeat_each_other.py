import numpy

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.rerun.variants import committed, with_tensors

RULE = "modules-repeat-each-other"
ROOT = "adapter_model.safetensors"
LAYER = "base_model.model.model.language_model.layers.{}.mlp.up_proj.lora_B.weight"
MODULE = "model.language_model.layers.{}.mlp.up_proj"


def with_copy(of: str, to: str, factor: float = 1.0) -> Snapshot:
    """The honest adapter with one lora_B written over another's."""
    source: dict[str, numpy.ndarray] = {}
    files = committed()
    with_tensors(files[ROOT], lambda name, a: source.setdefault(name, a))
    edit = with_tensors(files[ROOT], lambda name, a: source[of] * numpy.float32(factor) if name == to else a)
    return healthy(data={ROOT: edit})


def test_passes_for_the_honest_run_for_zeros_and_for_a_scaled_copy() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, with_copy(LAYER.format(0), LAYER.format(1), 0.0)) == []
    assert found(RULE, with_copy(LAYER.format(0), LAYER.format(1), 1.5)) == []


def test_fails_for_a_copied_layer() -> None:
    """Two modules are alike; layer 1 comes behind layer 0 in the file."""
    assert found(RULE, with_copy(LAYER.format(0), LAYER.format(1))) == [
        finding(
            RULE,
            WARNING,
            f"lora_B of 2 modules repeats that of another, such as {MODULE.format(1)} that of {MODULE.format(0)}",
            ROOT,
            LAYER.format(1),
            expected="numbers of its own in every module",
            observed="2 alike",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    (reason,) = set(reasons(RULE, seed()))
    assert "was not read" in reason
    empty = healthy(data={path: _nothing() for path in committed() if path.endswith(ROOT)})
    assert set(reasons(RULE, empty)) == {
        f"{path} holds no LoRA tensors" for path in committed() if path.endswith(ROOT)
    }


def _nothing() -> bytes:
    from tests.builders.safetensors import make_safetensors

    return make_safetensors({})
