from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed
from tests.checks.expecting import ERROR, found, reasons

RULE = "adapter-wrapped-twice"


def wrap(tensors: Tensors) -> None:
    for key in list(tensors):
        tensors["base_model.model." + key] = tensors.pop(key)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails() -> None:
    (only,) = found(RULE, healthy(data=changed(wrap)))
    assert (only.severity, only.at.path) == (ERROR, ADAPTER)
    assert only.message == (
        "`base_model.model.` stands twice before the names of 14 of 14 modules, so the adapter fits no plain base "
        "model"
    )
    assert only.observed == only.at.member == f"base_model.model.{only.expected}"
    assert only.expected is not None
    assert only.expected.startswith("model.language_model.layers.")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
