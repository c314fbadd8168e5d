import json

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, contents, healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "inference-mode-false"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_file_without_the_key() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/inference_mode": DELETE}})) == []


def test_fails() -> None:
    says = "`inference_mode` is false, so the file was not written by PEFT's `save_pretrained`"
    assert found(RULE, healthy(json_edits={CONFIG: {"/inference_mode": False}})) == [
        finding(RULE, NOTE, says, CONFIG, "/inference_mode", expected="true", observed="false")
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]


def test_passes_the_start_of_a_conversion() -> None:
    """`save_pretrained(path, path_initial_model_for_weight_conversion=start)` of peft 0.21.2 writes ``start`` anew."""
    read = contents("tiny", "candidate")[0]
    config = {**json.loads(read[CONFIG]), "init_lora_weights": True, "inference_mode": False}
    start = {
        f"start/{CONFIG}": json.dumps(config),
        f"converted/{CONFIG}": json.dumps(
            {**config, "inference_mode": True, "r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"]}
        ),
    }
    weights = {"start/adapter_model.safetensors": read["adapter_model.safetensors"]}
    assert found(RULE, healthy(text=start, data=weights)) == []
    del start[f"converted/{CONFIG}"]
    assert len(found(RULE, healthy(text=start, data=weights))) == 1


def test_passes_a_configuration_without_weights() -> None:
    """axolotl writes it before training begins."""
    alone = healthy(json_edits={CONFIG: {"/inference_mode": False}}, without=["adapter_model.safetensors"])
    assert found(RULE, alone) == []
