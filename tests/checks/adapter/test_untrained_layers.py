import numpy

from auditor.model import Snapshot
from tests.builders.repositories import contents, healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "untrained-layers"
INSTEAD = "lora_B that differ from their initial zero"
TOWER = "base_model.model.model.vision_tower.vision_model.encoder.layers.0.mlp.fc1"


def silence(tensors: Tensors) -> None:
    for key in tensors:
        if ".lora_B." in key:
            tensors[key] = numpy.zeros_like(tensors[key])


def add(tensors: Tensors, module: str, value: float) -> None:
    tensors[f"{module}.lora_A.weight"] = numpy.ones((8, 32), numpy.float32)
    tensors[f"{module}.lora_B.weight"] = numpy.full((64, 8), value, numpy.float32)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_when_one_value_of_a_part_moved() -> None:
    def almost(tensors: Tensors) -> None:
        silence(tensors)
        tensors[next(key for key in tensors if ".lora_B." in key)][0, 0] = 1e-30

    assert found(RULE, healthy(data=changed(almost))) == []


def test_fails_when_nothing_was_trained() -> None:
    assert found(RULE, healthy(data=changed(silence))) == [
        finding(
            RULE,
            ERROR,
            "every lora_B of the adapter is exactly zero (14): loading it changes nothing",
            ADAPTER,
            expected=INSTEAD,
            observed="the language model: 14 of 14 zero",
        )
    ]


def test_fails_when_only_the_head_was_trained() -> None:
    def head_only(tensors: Tensors) -> None:
        silence(tensors)
        add(tensors, "base_model.model.lm_head", 0.5)

    (only,) = found(RULE, healthy(data=changed(head_only)))
    assert only.severity is ERROR
    assert only.message == (
        "every lora_B of the language model (14) is exactly zero: that part of the adapter was never trained; only "
        "lm_head was"
    )


def test_fails_mildly_for_a_silent_vision_tower() -> None:
    (only,) = found(RULE, healthy(data=changed(lambda tensors: add(tensors, TOWER, 0.0))))
    assert only.severity is WARNING
    assert only.message == (
        "every lora_B of the vision tower (1) is exactly zero: that part of the adapter was never trained"
    )
    assert {part.split(":")[0] for part in (only.observed or "").split("; ")} == {
        "the language model",
        "the vision tower",
    }


def beside(**more: bytes) -> Snapshot:
    """A second adapter that was never trained, where PEFT saves it: in a folder of its name."""
    config = contents("tiny", "candidate")[0]["adapter_config.json"]
    second = {f"judge/{ADAPTER}": changed(silence)[ADAPTER], "judge/adapter_config.json": config}
    return healthy(data={**second, **more})


def test_fails_mildly_for_a_second_adapter_of_the_model() -> None:
    (only,) = found(RULE, beside())
    assert (only.severity, only.at.path) == (WARNING, f"judge/{ADAPTER}")
    assert only.message == (
        "every lora_B of the adapter is exactly zero (14): loading it changes nothing; the adapter in the folder above "
        "was trained"
    )


def test_fails_for_a_training_of_its_own_below_another() -> None:
    (only,) = found(RULE, beside(**{"judge/trainer_state.json": b"{}"}))
    assert only.severity is ERROR


def test_fails_for_lora_a_of_zeros() -> None:
    """(alpha / r) B A is zero when A is, whatever B holds."""

    def emptied(tensors: Tensors) -> None:
        for name in tensors:
            if "lora_A" in name:
                tensors[name] = numpy.zeros_like(tensors[name])

    (only,) = found(RULE, healthy(data=changed(emptied)))
    assert (only.severity, only.message) == (
        ERROR,
        "lora_A of 14 of 14 modules is exactly zero: their update is zero whatever lora_B holds",
    )


def test_passes_a_diffusion_model_whose_cross_attention_sees_one_token() -> None:
    def unet(tensors: Tensors) -> None:
        tensors.clear()
        add(tensors, "base_model.model.unet.down_blocks.0.attn2.to_q", 0.0)

    assert found(RULE, healthy(data=changed(unet))) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
    edits = {"adapter_config.json": {"/init_lora_weights": "pissa"}}
    alone = healthy(json_edits=edits, data=changed(silence), without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone) == ["`init_lora_weights` 'pissa' does not start lora_B at zero"]
