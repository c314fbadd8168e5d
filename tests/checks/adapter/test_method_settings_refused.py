import pytest

from tests.builders.repositories import healthy
from tests.checks.adapter.made import made
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "method-settings-refused"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("IA3", {"feedforward_modules": ["down_proj"], "target_modules": ["down_proj", "k_proj"]}),
        ("IA3", {"feedforward_modules": ".*down_proj", "target_modules": ["k_proj"]}),
        ("OFT", {"r": 0, "oft_block_size": 32}),
        ("OFT", {"r": 8, "oft_block_size": 0}),
        ("BOFT", {"boft_block_size": 4, "boft_block_num": 0}),
        ("ADALORA", {"total_step": 100, "tinit": 10, "tfinal": 20, "loftq_config": {}, "use_dora": False}),
        ("LORA", {"lora_bias": True}),
        ("LORA", {"layers_pattern": "layers", "layers_to_transform": [1]}),
        ("PROMPT_TUNING", {"num_virtual_tokens": 1}),
    ],
)
def test_passes_what_peft_accepts(method: str, settings: dict[str, object]) -> None:
    assert found(RULE, made(method, settings, {})) == []


def test_fails_for_lora() -> None:
    assert found(RULE, made("LORA", {"lora_bias": True, "use_dora": True}, {})) == [
        finding(
            RULE,
            ERROR,
            "`lora_bias` and `use_dora` are both true, which PEFT refuses",
            CONFIG,
            "/lora_bias",
            expected="one of them",
            observed="true",
        )
    ]


@pytest.mark.parametrize(
    ("method", "settings", "key", "severity"),
    [
        (
            "IA3",
            {"feedforward_modules": ["down_proj"], "target_modules": ["k_proj"]},
            "feedforward_modules",
            ERROR,
        ),
        ("OFT", {"r": 8, "oft_block_size": 32}, "r", ERROR),
        ("OFT", {"r": 0, "oft_block_size": 0}, "r", ERROR),
        ("OFT", {"r": 8}, "oft_block_size", WARNING),
        ("BOFT", {"boft_block_size": 4, "boft_block_num": 4}, "boft_block_size", ERROR),
        ("ADALORA", {"total_step": None}, "total_step", WARNING),
        ("ADALORA", {"total_step": 0}, "total_step", ERROR),
        ("ADALORA", {"total_step": 10, "tinit": 8, "tfinal": 4}, "tinit", ERROR),
        ("ADALORA", {"total_step": 10, "use_dora": True}, "use_dora", ERROR),
        ("LORA", {"layers_pattern": "layers"}, "layers_pattern", ERROR),
        ("LORA", {"init_lora_weights": "loftq", "loftq_config": {}}, "loftq_config", ERROR),
        ("PREFIX_TUNING", {"num_virtual_tokens": 0}, "num_virtual_tokens", ERROR),
    ],
)
def test_fails_for_what_peft_refuses(
    method: str, settings: dict[str, object], key: str, severity: object
) -> None:
    (only,) = found(RULE, made(method, settings, {}))
    assert (only.at.member, only.severity) == (f"/{key}", severity)


def test_cannot_look_without_a_configuration() -> None:
    gone = (CONFIG, "checkpoint-9/", "checkpoint-18/")
    assert reasons(RULE, healthy(without=gone)) == ["no adapter_config.json is in the repository"]
