from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import ERROR, NOTE, finding, found, reasons

RULE = "adapter-incomplete"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_when_the_configuration_goes_by_nearly_its_name() -> None:
    data = contents("tiny", "candidate")[0]["adapter_config.json"]
    for name in ("Adapter_Config.json", "ad\u0430pter_config.json"):
        assert found(RULE, healthy(data={name: data}, without=["adapter_config.json"])) == [
            finding(
                RULE,
                ERROR,
                "adapter_model.safetensors has no adapter_config.json beside it, so PEFT cannot load it",
                "adapter_model.safetensors",
                expected="adapter_model.safetensors and adapter_config.json",
                observed="the weights alone",
            )
        ]


def test_fails_mildly_for_a_configuration_alone() -> None:
    (item,) = found(RULE, healthy(without=["adapter_model.safetensors"]))
    assert (item.severity, item.message) == (
        NOTE,
        "adapter_config.json has no weights beside it, and checkpoint-9 has",
    )
    assert found(RULE, healthy(data={"adapters.npz": b"x"}, without=["adapter_model.safetensors"])) == []


def test_says_that_it_cannot_look_at_a_configuration_without_any_weights() -> None:
    """548 of 945 public configurations have no weights beside them."""
    alone = healthy(without=["adapter_model.safetensors", "checkpoint-9/", "checkpoint-18/"])
    assert found(RULE, alone) == []
    assert reasons(RULE, alone) == ["no weights are published beside adapter_config.json"]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]
