"""The JSON report: its schema, its determinism, its way back."""

import json
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor import schemas
from auditor.errors import UsageError
from auditor.model import Prediction, Report, Setting, VersionRange
from auditor.report._load import from_json
from auditor.report._plain import dumps, plain, plain_float, to_float, without_machine
from auditor.report.json import as_dict, render
from tests.builders import reports
from tests.report import hostile

EVERY = (reports.rich, reports.healthy, reports.incomplete, hostile.report)


@pytest.mark.parametrize("make", EVERY)
def test_is_valid_against_its_schema(make: Callable[[], Report]) -> None:
    schema = schemas.load("report-v1")
    Draft202012Validator.check_schema(schema)
    errors = list(Draft202012Validator(schema).iter_errors(json.loads(render(make()))))
    assert [error.message for error in errors] == []


def test_the_schema_allows_nothing_else() -> None:
    validator = Draft202012Validator(schemas.load("report-v1"))
    raw = json.loads(render(reports.rich()))
    raw["findings"][0]["confidence"] = 1
    assert not validator.is_valid(raw)


@pytest.mark.parametrize("make", EVERY)
def test_comes_back_as_the_same_bytes(make: Callable[[], Report]) -> None:
    text = render(make())
    assert render(from_json(text)) == text


def test_the_way_back_keeps_what_other_renderers_show() -> None:
    report = reports.rich()
    again = from_json(render(report))
    assert again.findings == tuple(sorted(report.findings, key=lambda f: -f.severity))
    assert again.rerun is not None
    assert report.rerun is not None
    assert again.rerun == replace(
        report.rerun,
        plan=replace(report.rerun.plan, settings=dict(sorted(report.rerun.plan.settings.items()))),
    )
    assert again.coverage == report.coverage
    assert again.rules == report.rules


@pytest.mark.parametrize("longer", [None, (90, 128)])
def test_a_prediction_is_written_and_comes_back(longer: tuple[int, int] | None) -> None:
    report = reports.rich()
    assert report.rerun is not None
    made = Prediction(93.5, 3, 0.25, 12.0, 3 * 10**9, None, longer)
    report = replace(report, rerun=replace(report.rerun, plan=replace(report.rerun.plan, prediction=made)))
    document = json.loads(render(report))
    Draft202012Validator(schemas.load("report-v1")).validate(document)
    assert document["rerun"]["plan"]["prediction"] == {
        "seconds": 93.5,
        "trainings": 3,
        "step_seconds": 0.25,
        "start_seconds": 12.0,
        "memory_bytes": 3_000_000_000,
        "gpu_memory_bytes": None,
        "longer_rows": None if longer is None else [90, 128],
    }
    back = from_json(render(report))
    assert back.rerun is not None
    assert back.rerun.plan.prediction == made


def test_order_that_means_nothing_changes_no_byte() -> None:
    report = reports.rich()
    assert report.diff is not None
    shuffled = replace(
        report,
        files=report.files[::-1],
        not_applicable=report.not_applicable[::-1],
        unread=report.unread[::-1],
        rules=dict(sorted(report.rules.items(), reverse=True)),
        runs=tuple(replace(run, claims=run.claims[::-1]) for run in report.runs),
        diff=replace(report.diff, files=report.diff.files[::-1]),
    )
    assert render(shuffled) == render(report)


def test_says_what_the_documentation_shows() -> None:
    raw = as_dict(reports.rich())
    assert list(raw)[:2] == ["schema_version", "tool"]
    assert raw["schema_version"] == "1.0"
    assert raw["subject"] == {
        "kind": "compare",
        "repository": "team/gemma3-finetuning",
        "base": {"ref": "main", "commit": "8f3a" * 10},
        "head": {"ref": "caost-test-2", "commit": "c07e" * 10},
        "related_histories": False,
    }
    assert raw["verdict"] == "fail"
    assert raw["coverage"] == {
        "claims": {"verified": 4, "contradicted": 2, "unverifiable": 2, "stated": 3, "total": 11},
        "files": {"read": 21, "unfetched": 1, "unreadable": 1, "total": 23},
        "checks": {"ran": 61, "not_applicable": 9, "failed_to_run": 0, "total": 70},
    }


def test_missing_counts_are_zero_and_totals_are_sums() -> None:
    raw = json.loads(render(reports.incomplete()))
    assert raw["coverage"]["checks"] == {"ran": 8, "not_applicable": 46, "failed_to_run": 0, "total": 54}


def test_an_adapter_of_a_run_is_written_once() -> None:
    raw = json.loads(render(reports.rich()))
    assert raw["adapters"] == []
    assert len(raw["runs"][0]["adapter"]["modules"]) == 6 * 7


@pytest.mark.parametrize(
    ("given_path", "shown"),
    [
        ("/home/somebody/models/base", "base"),
        ("~/models/base/", "base"),
        ("C:\\models\\base", "base"),
        ("\\\\server\\share\\base", "base"),
        ("google/gemma-3-4b-it", "google/gemma-3-4b-it"),
        ("base", "base"),
        ("", ""),
    ],
)
def test_paths_lose_the_machine(given_path: str, shown: str) -> None:
    assert without_machine(given_path) == shown


def test_no_place_on_this_machine_unless_stamped() -> None:
    report = reports.rich()
    assert report.rerun is not None
    plan = replace(report.rerun.plan, base="/home/x/base", data="/home/x/data.jsonl", settings={})
    rerun = replace(report.rerun, plan=plan, environment={"python": "/home/x/bin/python"})
    placed = replace(report, repository="/home/x/repo", rerun=rerun)
    assert "/home/x" not in render(placed)
    assert render(replace(placed, stamp="2026-11-23 on x")).count("/home/x") == 4


def test_a_setting_that_json_cannot_hold() -> None:
    report = reports.rich()
    assert report.rerun is not None
    settings = {"floor": Setting(math.nan, "x"), "names": Setting(frozenset({"b", "a"}), "x")}
    rerun = replace(report.rerun, plan=replace(report.rerun.plan, settings=settings))
    raw = json.loads(render(replace(report, rerun=rerun)))
    assert raw["rerun"]["plan"]["settings"]["floor"]["value"] == "NaN"
    assert raw["rerun"]["plan"]["settings"]["names"]["value"] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x00\xff", "hex:00ff"),
        # sha256 of 40 zero bytes, from coreutils: head -c 40 /dev/zero | sha256sum
        (bytes(40), "sha256:2c34ce1df23b838c5abf2a7f6437cca3d3067ed509ff25f11df6b11b582b51eb (40 bytes)"),
        (-math.inf, "-Infinity"),
        (VersionRange("4.50.0", None), "4.50.0 or newer"),
        ((1, (True, None)), [1, [True, None]]),
        (object(), "<object>"),
        ("\udc80", "\\udc80"),
        (1 << 5000, hex(1 << 5000)),
    ],
)
def test_values_made_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(_values)
def test_plain_values_are_strict_json_and_stay_as_they_are(value: object) -> None:
    once = plain(value)
    text = json.dumps(once, allow_nan=False, ensure_ascii=False)
    assert text.encode("utf-8")
    assert plain(json.loads(text)) == once


@given(st.floats())
def test_floats_come_back(value: float) -> None:
    assert math.copysign(1, to_float(plain_float(value))) == math.copysign(1, value) or math.isnan(value)
    assert to_float(plain_float(value)) == value or math.isnan(value)


@pytest.mark.parametrize("value", ["nan", "1.0", None, [1.0]])
def test_what_is_no_number_stays_none(value: object) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        to_float(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "is not of type 'object'"),
        ('{"schema_version": "2.0"}', "this is not an audit report"),
        ("NaN", "NaN is not JSON"),
        ("[" * 100_000, "this is not an audit report"),
        ("1" * 5000, "this is not an audit report"),
    ],
)
def test_refuses_what_is_no_report(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(text)
    assert reason in caught.value.message
    assert len(caught.value.message) < 300
    assert "--output json=FILE" in caught.value.hint


def test_the_order_of_findings_is_the_audits_own_within_a_severity() -> None:
    # auditor/engine/_policy.py ranks findings by consequence; a renderer must not put them in another order.
    report = reports.rich()
    swapped = replace(report, findings=report.findings[::-1])
    said = [(item.severity, item.fingerprint) for item in from_json(render(swapped)).findings]
    assert said == sorted(((f.severity, f.fingerprint) for f in swapped.findings), key=lambda pair: -pair[0])


def test_long_documents_are_written_as_json_does_and_in_little_memory() -> None:
    """Twice the text at the peak: the blocks and what they are joined to."""
    value = [{"name": f"n{number}\u200b", "value": number / 7} for number in range(40_000)]
    expected = json.dumps(value, indent=2, ensure_ascii=False).replace("\u200b", "\\u200b") + "\n"
    tracemalloc.start()
    written = dumps(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written == expected
    assert peak < 3 * len(expected)
