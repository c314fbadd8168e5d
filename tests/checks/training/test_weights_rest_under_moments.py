"""The honest run: 18 updates of 28 parameters, all of which move; a step of Adam is about its rate of up to 2e-3."""

from typing import Any

from auditor.model import Snapshot
from tests.builders.pickles import make_optimizer
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.rerun.variants import OPTIMIZERS, WEIGHTS, committed, with_tensors

RULE = "weights-rest-under-moments"
_, NINE, EIGHTEEN = WEIGHTS
UP = "base_model.model.model.language_model.layers.0.mlp.up_proj"


def zeroed(path: str, part: str = "lora_B") -> dict[str, bytes]:
    def edit(name: str, array: Any) -> Any:
        return array * 0 if name == f"{UP}.{part}.weight" else array

    return {path: with_tensors(committed()[path], edit)}


def rested(*parts: str) -> dict[str, bytes]:
    """The last checkpoint with tensors of the one before."""
    import safetensors.numpy

    then = safetensors.numpy.load(committed()[NINE])
    names = {f"{UP}.{part}.weight" for part in parts}
    return {EIGHTEEN: with_tensors(committed()[EIGHTEEN], lambda name, a: then[name] if name in names else a)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_a_lora_b_that_is_still_zero() -> None:
    assert found(RULE, healthy(data={**zeroed(NINE), **zeroed(EIGHTEEN)})) == [
        finding(
            RULE,
            ERROR,
            f"1 of 28 tensors is exactly zero after 9 updates, first {UP}.lora_B.weight: Adam moved every parameter of "
            "that shape",
            NINE,
            f"{UP}.lora_B.weight",
            expected="numbers that moved",
            observed="zeros",
        )
    ]


def test_fails_for_tensors_of_the_checkpoint_before() -> None:
    (only,) = found(RULE, healthy(data=rested("lora_A", "lora_B")))
    assert (only.at.path, only.observed) == (EIGHTEEN, "the same bits")
    assert only.message.startswith(
        f"2 of 28 tensors are as in {NINE}, to the last bit, first {UP}.lora_A.weight: "
    )


def test_passes_where_a_parameter_of_that_shape_rests() -> None:
    """Any of them may be the tensor: the optimizer names none. Its first moment is zero, as without a gradient."""
    shapes = [info.shape for _, info in _tensors()]
    group = {"amsgrad": False, "betas": (0.9, 0.999), "eps": 1e-8, "lr": 2e-3, "initial_lr": 2e-3}
    at_rest = dict.fromkeys(OPTIMIZERS, make_optimizer(shapes, 18, group=group))
    assert found(RULE, healthy(data={**zeroed(NINE), **at_rest})) == []


def test_passes_what_other_rules_tell_or_no_step_explains() -> None:
    def all_zero(name: str, array: Any) -> Any:
        return array * 0 if "lora_B" in name else array

    assert found(RULE, healthy(data={NINE: with_tensors(committed()[NINE], all_zero)})) == []
    assert found(RULE, healthy(data={EIGHTEEN: committed()[NINE]})) == []
    pissa = {"checkpoint-9/adapter_config.json": {"/init_lora_weights": "pissa"}}
    assert found(RULE, healthy(data=zeroed(NINE), json_edits=pissa)) == []


def _tensors() -> list[tuple[str, Any]]:
    from auditor.artifacts.adapter_weights import AdapterWeights
    from tests.builders.blobs import blob

    return list(AdapterWeights.parse(blob(committed()[NINE], NINE)).tensors.items())


def snapshot_of(kind: str) -> Snapshot:
    return healthy(data=dict.fromkeys(OPTIMIZERS, make_optimizer([(2, 2)], 18)), without=[kind])


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["no checkpoint holds both an adapter and an optimizer.pt that were read"]
    assert reasons(RULE, snapshot_of("x")) == [
        f"{path} is not of torch's Adam or AdamW" for path in OPTIMIZERS
    ]
