import json
from pathlib import Path

import pytest

from auditor.model import Snapshot
from auditor.sources.directory import snapshot
from tests.builders.repositories import contents, healthy
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "adapters-of-two-runs-identical"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def twice(weights: bytes | None = None, **changes: object) -> Snapshot:
    """The honest adapter and a second one beside it, with its bytes unless others are given."""
    read, _ = contents("tiny", "candidate")
    config = {**json.loads(read[CONFIG]), **changes}
    files = {f"other/{WEIGHTS}": weights or read[WEIGHTS], f"other/{CONFIG}": json.dumps(config).encode()}
    return healthy(data=files)


def test_passes_a_copy_that_says_the_same() -> None:
    assert found(RULE, twice()) == []
    assert found(RULE, twice(base_model_name_or_path="/models/tiny-gemma3")) == []


def test_passes_other_weights() -> None:
    other = contents("tiny", "candidate")[0]["checkpoint-9/" + WEIGHTS]
    assert found(RULE, twice(other, lora_alpha=64)) == []


def test_fails_where_the_configurations_differ() -> None:
    size = len(contents("tiny", "candidate")[0][WEIGHTS])
    assert found(RULE, twice(lora_alpha=64, base_model_name_or_path="tiny-labs/tiny-llama")) == [
        finding(
            RULE,
            WARNING,
            f"other/{WEIGHTS} has the bytes of {WEIGHTS}, and their configurations differ in "
            "base_model_name_or_path and lora_alpha",
            f"other/{CONFIG}",
            "/base_model_name_or_path",
            expected="weights of its own",
            observed=f"the same {size:,} bytes",
        )
    ]


@pytest.mark.parametrize("same", [True, False])
def test_looks_at_a_plain_folder_whose_files_nobody_named(tmp_path: Path, same: bool) -> None:
    """Files of one size are hashed where they end alike, too: the second one's last number but 2,000 is another."""
    for path, content in contents("tiny", "candidate")[0].items():
        if "/" not in path:
            (tmp_path / path).write_bytes(content)
    data = bytearray((tmp_path / WEIGHTS).read_bytes())
    data[-8001] ^= 0 if same else 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / WEIGHTS).write_bytes(data)
    config = {**json.loads((tmp_path / CONFIG).read_bytes()), "lora_alpha": 64}
    (tmp_path / "other" / CONFIG).write_text(json.dumps(config))
    assert len(found(RULE, snapshot(tmp_path))) == same


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["there are no two adapters"]
