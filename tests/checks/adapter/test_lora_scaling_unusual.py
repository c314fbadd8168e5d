from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "lora-scaling-unusual"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/lora_alpha": 512}})) == [
        finding(
            RULE,
            NOTE,
            "the update is multiplied by 64 (`lora_alpha` 512 / r, r 8)",
            CONFIG,
            "/lora_alpha",
            expected="below 64",
            observed="64",
        )
    ]


def test_fails_with_the_root_of_the_rank_under_rslora() -> None:
    # 256 / sqrt(16) = 64, while 256 / 16 = 16 would pass.
    edits = {CONFIG: {"/lora_alpha": 256, "/r": 16, "/use_rslora": True}}
    (only,) = found(RULE, healthy(json_edits=edits))
    assert only.message == "the update is multiplied by 64 (`lora_alpha` 256 / sqrt(r), r 16)"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
