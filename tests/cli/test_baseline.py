"""--baseline: what an earlier report holds does not count, and everything else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import _baseline
from auditor.engine._policy import IN_BASELINE, known
from auditor.errors import UsageError
from auditor.model import Finding, Location, Severity
from tests.builders.command import audit

Capture = pytest.CaptureFixture[str]
CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": "/srv/models/x"}


def folder(path: Path, **more: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "adapter_config.json").write_text(json.dumps({**CONFIG, **more}))
    return path


def report(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = audit(capsys, *arguments, "--format", "json")
    return done.code, json.loads(done.out)


def test_what_the_baseline_holds_does_not_count(capsys: Capture, tmp_path: Path) -> None:
    target, stored = folder(tmp_path / "a"), tmp_path / "base.json"
    first = audit(capsys, "check", str(target), "--fail-on", "note", "--output", f"json={stored}")
    assert first.code == 1
    code, again = report(capsys, "check", str(target), "--fail-on", "note", "--baseline", str(stored))
    assert code != 1
    assert again["findings"]
    assert {f["suppressed"]["reason"] for f in again["findings"]} == {IN_BASELINE}


def test_a_new_finding_counts_beside_known_ones(capsys: Capture, tmp_path: Path) -> None:
    target, stored = folder(tmp_path / "a"), tmp_path / "base.json"
    audit(capsys, "check", str(target), "--output", f"json={stored}")
    folder(tmp_path / "a", r=-8)
    code, again = report(capsys, "check", str(target), "--baseline", str(stored))
    assert code == 1
    live = [f for f in again["findings"] if f["suppressed"] is None]
    assert [f["rule"] for f in live if f["severity"] == "error"] == ["adapter-config-unusable"]


def test_a_baseline_that_is_no_report_is_a_usage_error(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    done = audit(capsys, "check", str(folder(tmp_path / "a")), "--baseline", str(tmp_path / "x.json"))
    assert done.code == 2
    assert "is not an audit report" in done.err
    missing = audit(capsys, "check", str(tmp_path / "a"), "--baseline", str(tmp_path / "none.json"))
    assert missing.code == 2
    assert "cannot be read" in missing.err


def of(**more: Any) -> Finding:
    made: dict[str, Any] = {
        "rule": "a",
        "severity": Severity.WARNING,
        "message": "names os.system",
        "at": Location("x.bin"),
        **more,
    }
    return Finding(**made)


@pytest.mark.parametrize(
    "now",
    [
        of(severity=Severity.ERROR),
        of(message="names os.system and posix.fork"),
        of(observed="2"),
        of(expected="3"),
        of(also_at=(Location("y.bin"),)),
        of(at=Location("y.bin")),
    ],
)
def test_a_graver_or_other_finding_at_a_known_place_is_new(now: Finding) -> None:
    (marked,), notes = known([now], [of()])
    assert marked.suppressed is None
    assert notes == (
        "1 finding of the baseline is gone or changed: write a new baseline with --output json=FILE",
    )


def test_the_same_or_a_milder_finding_is_known() -> None:
    for now in (of(), of(severity=Severity.NOTE)):
        (marked,), notes = known([now], [of(also_at=(Location("y.bin"),))])
        assert marked.suppressed is not None
        assert marked.suppressed.until == ""
        assert not notes


def test_a_file_larger_than_any_report_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_baseline, "LIMIT", 10)
    (tmp_path / "r.json").write_text("[" * 11)
    with pytest.raises(UsageError, match="is larger than any report"):
        _baseline.read_report(tmp_path / "r.json")


def test_a_report_of_known_findings_alone_does_not_say_that_there_are_none(
    capsys: Capture, tmp_path: Path
) -> None:
    target, stored = folder(tmp_path / "a"), tmp_path / "base.json"
    audit(capsys, "check", str(target), "--output", f"json={stored}")
    _, again = report(capsys, "check", str(target), "--baseline", str(stored))
    number = len(again["findings"])
    assert again["summary"].startswith(f"no new findings ({number} known)")
    _, other = report(capsys, "check", str(folder(tmp_path / "a", r=-8)), "--baseline", str(stored))
    assert other["summary"].startswith("1 error")
