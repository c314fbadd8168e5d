"""What the real case must give: forensics of the page that started this, section 6, as a table of rule and severity.

Which catalogue entries fire, with which severity, and which must hold is section 6's word (the id stands behind each
row); the name of the rule that carries an entry was looked up in auditor/checks. Places are those of real_case.tsv.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.command import SEED, audit

ERRORS = {"card-names-other-base"}  # M02

WARNINGS = {
    "task-type-not-applied",  # C02
    "quantization-unattested",  # C05
    "loftq-config-inert",  # C06
    "precision-contradicted",  # C07, K19
    "key-reaches-no-argument",  # C09
    "concept-declared-twice",  # C10
    "string-where-null-or-boolean",  # C11
    "negative-logging-steps",  # C14
    "evaluation-strategy-removed",  # C18
    "evaluation-without-data",  # C19
    "output-name-size-differs",  # C21
    "source-is-a-branch",  # C23
    "base-model-path-is-local",  # A06
    "tied-embeddings-targeted",  # A11
    "vision-tower-targeted",  # A13
    "empty-log-history",  # K06
    "batch-size-was-lowered",  # K16
    "pad-token-is-eos",  # T01
    "library-name-not-peft",  # M01
    "card-is-of-base-model",  # M03
    "card-base-is-local-path",  # M05
    "dataset-not-named",  # M08
    "benchmarks-of-base-model",  # M09
    "unrelated-histories",  # G01
    "infrastructure-published",  # G09
    "training-environment-not-recorded",  # G10
    "dataset-not-recorded",  # G11
    "accumulation-not-applied",  # X02: a warning unless the rows are proven to be 1,024 long
}

NOTES = {
    "inert-keys",  # C12
    "save-strategy-not-declared",  # C17
    "do-predict-inert",  # C20
    "gradient-checkpointing-unchecked",  # C30
    "base-revision-not-pinned",  # A07
    "final-state-missing",  # K22
    "slow-vocabulary-missing",  # T07
    "processor-files-missing",  # T09
    "card-template-unfilled",  # M04
    "lfs-pattern-without-file",  # G04
    "lfs-pattern-redundant",  # G05
    "training-state-published",  # G08
    "pickle-needs-full-trust",  # Z02
    "peft-older-than-model-class",  # V03
    "runner-not-recorded",  # V04
    "loads-in-some-releases-only",  # V05
}

MUST_HOLD = {
    "adapter-config-unusable",  # A01
    "adapter-config-differs-from-checkpoint",  # A02, A03
    "base-path-differs-from-declared",  # A08
    "model-class-unresolvable",  # A14
    "model-class-from-custom-code",  # A15
    "lora-scaling-unusual",  # A19
    "declared-value-contradicted",  # C01, C03, C04
    "adapter-not-as-declared",  # C27
    "checkpoint-number-differs-from-step",  # K01
    "step-beyond-max-steps",  # K02
    "epoch-disagrees-with-steps",  # K03
    "more-checkpoints-than-limit",  # K13
    "checkpoint-cannot-resume",  # K14
    "process-count-differs",  # K15
    "tokenizer-differs-from-checkpoint",  # T03
    "licence-missing",  # M06
    "versions-conflict",  # V01, V02
    "event-host-differs",  # R02
    "event-time-differs",  # R03
    "run-id-after-events",  # R04
    "binary-outside-lfs",  # G02
}

MILDER_ELSEWHERE = {
    "concept-declared-twice",  # C10: "equal values -> I"
    "infrastructure-published",  # G09: the pod's name, which every event file carries
}
"""Rules of WARNINGS that speak of a second place as a note."""

GOLDEN = Path(__file__).with_name("real_case.tsv")


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The JSON report of the comparison."""
    import contextlib
    import io

    from auditor.cli import run

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*SEED, "--format", "json"]) == 1
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def rules(report: dict[str, Any], severity: str) -> set[str]:
    return {
        item["rule"] for item in report["findings"] if item["severity"] == severity and item["state"] == "new"
    }


def test_errors(report: dict[str, Any]) -> None:
    assert rules(report, "error") == ERRORS


def test_warnings(report: dict[str, Any]) -> None:
    assert rules(report, "warning") == WARNINGS


def test_notes(report: dict[str, Any]) -> None:
    assert rules(report, "note") == NOTES | MILDER_ELSEWHERE


def test_every_finding_stands_where_the_argued_list_says_and_no_other(report: dict[str, Any]) -> None:
    """Each line of the golden file argues one finding by its entry of the catalogue."""
    lines = [line.split("\t") for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
    assert all(len(line) == 5 and line[3] and line[4] for line in lines)
    found = sorted((f["severity"], f["rule"], place(f)) for f in report["findings"])
    assert found == sorted((line[0], line[1], line[2]) for line in lines)


def place(finding: dict[str, Any]) -> str:
    member = finding["member"]
    return f"{finding['path']}#{member}" if member else str(finding["path"])


def test_what_must_hold_was_looked_at_and_is_silent(report: dict[str, Any]) -> None:
    fired = {item["rule"] for item in report["findings"]}
    never = {item["rule"] for item in report["not_applicable"]}
    assert not fired & MUST_HOLD
    assert not never & MUST_HOLD


def claims(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (run,) = report["runs"]
    return {claim["key"]: claim for claim in run["claims"]}


def test_the_tokens_are_stated_with_their_arithmetic(report: dict[str, Any]) -> None:
    tokens = claims(report)["tokens"]
    assert tokens["status"] == "verified"
    text = json.dumps(tokens["evidence"])
    assert "460,800" in text
    assert "3,666,842,480" in text
    assert "10,138,086,088,704,000" in text


def test_the_accumulation_is_contradicted_with_its_arithmetic(report: dict[str, Any]) -> None:
    claim = claims(report)["gradient_accumulation_steps"]
    assert claim["status"] == "contradicted"
    (finding,) = [f for f in report["findings"] if f["rule"] == "accumulation-not-applied"]
    assert "1,024 tokens a step" in finding["message"]
    assert "declared accumulation 4 was not applied" in finding["message"]


def test_versions_are_proven(report: dict[str, Any]) -> None:
    found = claims(report)
    assert "4.50.0 to 4.51.3" in json.dumps(found["transformers_version"])
    assert "0.13.2" in json.dumps(found["peft_version"])


def test_unfetched_files_are_named_and_nothing_crashed(report: dict[str, Any]) -> None:
    unread = report["unread"]
    assert isinstance(unread, list)
    assert {item["state"] for item in unread} == {"unfetched"}
    assert {item["path"] for item in unread} >= {"adapter_model.safetensors", "checkpoint-450/optimizer.pt"}
    assert report["coverage"]["checks"]["failed_to_run"] == 0
    assert report["subject"]["related_histories"] is False


def test_root_and_checkpoint_weights_are_the_same_object(report: dict[str, Any]) -> None:
    fired = {item["rule"] for item in report["findings"]}
    assert "final-adapter-differs-from-checkpoint" not in fired


def test_an_honest_run_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.builders.command import TINY

    done = audit(capsys, *TINY, "--base", "fixtures/tiny/base", "--format", "json")
    found = json.loads(done.out)
    assert done.code == 0
    assert found["verdict"] == "pass"
    assert [f["rule"] for f in found["findings"] if f["severity"] != "note" and f["state"] != "absent"] == []
    assert found["coverage"]["claims"]["contradicted"] == 0
    assert found["coverage"]["files"]["unfetched"] == 0
