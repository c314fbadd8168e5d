import struct

import pytest

from auditor.engine.audit import Options, check
from tests.artifacts.test_tensors_made_otherwise import set_anew
from tests.builders.pickles import make_torch
from tests.builders.repositories import contents, healthy, run_rule, seed
from tests.builders.safetensors import make_arrays, make_safetensors
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import ERROR, finding, found
from tests.checks.weights.made import sharded

RULE = "weights-unreadable"
ADAPTER = "adapter_model.safetensors"
WHOLE = contents("tiny", "candidate")[0][ADAPTER]


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, sharded()) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"{}", "is 2 bytes long, too short for a safetensors header"),
        (WHOLE[:5000], None),
        (WHOLE[:-4], None),
        (b"version https://example.com/spec", None),
    ],
)
def test_fails_for_a_file_that_nothing_loads(data: bytes, reason: str | None) -> None:
    (only,) = found(RULE, healthy(data={ADAPTER: data}))
    assert (only.severity, only.at.path, only.observed) == (ERROR, ADAPTER, f"{len(data):,} bytes")
    if reason is not None:
        assert only == finding(
            RULE,
            ERROR,
            f"the file {reason}, so no program can load it",
            ADAPTER,
            expected="a safetensors file",
            observed=f"{len(data)} bytes",
        )
    # Unread files are still counted as such; the finding decides the exit code (CLI.md: bad is 1).
    report = check(healthy(data={ADAPTER: data}), Options())
    assert report.exit_code == 1
    assert any(item.path == ADAPTER for item in report.unread)


@pytest.mark.parametrize("data", [b"", b"PK", make_torch({})[:40]])
def test_fails_for_a_torch_file_that_nothing_loads(data: bytes) -> None:
    snapshot = made("LORA", {"r": 4}, lora("q"), {"full/adapter_model.bin": data})
    assert [item.at.path for item in found(RULE, snapshot)] == ["full/adapter_model.bin"]


def test_fails_for_tensors_that_are_set_anew_when_they_are_loaded() -> None:
    snapshot = made("LORA", {"r": 4}, lora("q"), {"full/adapter_model.bin": set_anew()})
    (only,) = found(RULE, snapshot)
    assert only.message == (
        "the file sets a tensor anew after it was made, which no release of torch writes: what a program loads is not "
        "what lies in it"
    )


@pytest.mark.parametrize(("name", "data"), [("safetensors", make_arrays({})), ("bin", make_torch({}))])
def test_fails_for_an_adapter_without_tensors(name: str, data: bytes) -> None:
    path = f"sub/adapter_model.{name}"
    assert found(RULE, made("LORA", {"r": 4}, lora("q"), {path: data})) == [
        finding(
            RULE,
            ERROR,
            f"the file holds no tensor ({len(data):,} bytes), so nothing that was trained is in it",
            path,
            expected="the adapter's tensors",
            observed="none",
        )
    ]


def test_passes_what_only_we_do_not_read() -> None:
    """A number type of tomorrow is no damage: the header is whole."""
    tomorrow = make_safetensors({"x": ("F8_E9M9", (4,), struct.pack("4B", 1, 2, 3, 4))})
    assert found(RULE, made("LORA", {}, lora("q"), {"sub/model.safetensors": tomorrow})) == []


def test_cannot_look_at_files_that_were_not_fetched() -> None:
    outcome = run_rule(RULE, seed())
    assert not outcome.findings
    assert "adapter_model.safetensors was not read: unfetched" in {n.reason for n in outcome.not_applicable}
