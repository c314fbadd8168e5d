"""SARIF 2.1.0: what OASIS demands of the properties that we write (sections 3.14 to 3.58 of the standard)."""

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from auditor.model import Finding, Location, Severity
from auditor.report.sarif import render
from tests.builders import reports
from tests.report import hostile


def _run(text: str) -> dict[str, Any]:
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert len(log["runs"]) == 1
    run: dict[str, Any] = log["runs"][0]
    return run


def test_results_refer_to_their_rules() -> None:
    run = _run(render(reports.rich()))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]
    helped = {rule["id"]: rule["help"]["text"] for rule in rules}
    assert "Fix: correct the declared config" in helped["claim-contradicted"]


def test_a_result_says_all() -> None:
    result = _run(render(reports.rich()))["results"][0]
    # sha256 of "claim-contradicted\n<path>\n<member>", first 16 hex digits, from coreutils
    assert result == {
        "ruleId": "claim-contradicted",
        "ruleIndex": 2,
        "level": "error",
        "message": {
            "text": "gradient_accumulation_steps is declared as 4, but the step count proves 1 "
            "(expected 4, observed 1)"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "cheetah-fine-tuning-config.json"},
                    "region": {"startLine": 12},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": "/training/gradient_accumulation", "kind": "member"}
                ],
            }
        ],
        "partialFingerprints": {"auditFingerprint/v1": "cab345a7ab10d171"},
        "properties": {
            "expected": "4",
            "observed": "1",
            "evidence": [
                "90 optimizer steps x batch 2 x accumulation 1 = 180 rows = 2 epochs of 90 rows",
                "with accumulation 4 the run would have ended at step 24",
            ],
            "fix": "write gradient_accumulation_steps, the name that TrainingArguments knows",
        },
        "baselineState": "new",
    }


def test_states_and_suppressions() -> None:
    results = {result["ruleId"]: result for result in _run(render(reports.rich()))["results"]}
    assert results["event-file-truncated"]["baselineState"] == "absent"
    assert results["card-of-another-model"]["suppressions"] == [
        {"kind": "external", "justification": "the card is written after the merge (until 2027-01-31)"}
    ]
    related = results["lora-rank-mismatch"]["relatedLocations"]
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in related] == [
        "checkpoint-45/adapter_model.safetensors",
        "checkpoint-90/x",
    ]


def test_one_side_has_no_baseline() -> None:
    assert all("baselineState" not in result for result in _run(render(reports.healthy()))["results"])


def test_what_was_not_looked_at_is_a_notification() -> None:
    run = _run(render(reports.incomplete()))
    invocation = run["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    kinds = [item["descriptor"]["id"] for item in invocation["toolExecutionNotifications"]]
    assert kinds == ["not-applicable"] * 3 + ["unread"]
    assert {item["id"] for item in run["tool"]["driver"]["notifications"]} == {*kinds, "nothing-checked"}
    assert len(invocation["toolExecutionNotifications"][-1]["locations"]) == 10


def test_every_uri_is_relative_and_an_uri() -> None:
    for report in (reports.rich(), hostile.report()):
        for uri in re.findall(r'"uri": "([^"]*)"', render(report)):
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
            assert not uri.startswith("/")
            assert unquote(uri, errors="strict")


def test_the_run_is_named_after_what_was_compared() -> None:
    assert _run(render(reports.incomplete()))["automationDetails"] == {
        "id": "audit/compare/main...feature%2Fnew%20adapter/"
    }


def test_a_quoted_file_makes_no_link_in_a_message() -> None:
    report = reports.rich()
    evil = replace(report.findings[0], message="[see here](https://example.org)")
    run = _run(render(replace(report, findings=(evil, *report.findings[1:]))))
    assert any(
        result["message"]["text"].startswith("[see here] (https://example.org)") for result in run["results"]
    )
    assert not any("](" in result["message"]["text"] for result in run["results"])


def test_every_result_has_a_line_or_forges_hide_it() -> None:
    weights = Finding("some-rule", Severity.ERROR, "wrong", Location("adapter_model.safetensors", "lora_A"))
    (result,) = json.loads(render(replace(reports.healthy(), findings=(weights,))))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "adapter_model.safetensors"},
        "region": {"startLine": 1},
    }
