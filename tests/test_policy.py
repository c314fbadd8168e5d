"""The policy: read from a snapshot, refused with the nearest key, applied to findings without losing one."""

import pytest

from auditor.engine._policy import FAMILIES, fold, suppress, with_states
from auditor.engine._rules import rules
from auditor.errors import UsageError
from auditor.model import Finding, Location, Severity, Snapshot, Suppression
from auditor.policy import Policy, from_snapshot, overridden, parse
from auditor.report._view import by_severity
from auditor.sources.directory import memory_snapshot


def of(text: str, name: str = ".audit.toml") -> Policy:
    return from_snapshot(memory_snapshot("main", {name: text.encode()}))


def finding(rule: str = "a-rule", path: str = "x.json", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule, severity, "message", Location(path, "/r"))


def test_without_a_file_the_defaults_hold() -> None:
    assert from_snapshot(Snapshot("main", {})) == Policy()


def test_every_key_is_read_with_its_source() -> None:
    policy = of(
        'fail-on = "warning"\nrequire-coverage = 0.5\n[severity]\na-rule = "note"\n[paths]\n"/x" = "y"\n'
        '[[ignore]]\nrule = "a-rule"\nreason = "known"\nuntil = "2030-01-01"\n[rerun]\nsteps = 5\n'
        "[tolerance]\nloss = 1e-3\n"
    )
    assert policy.fail_on == "warning"
    assert policy.require_coverage == 0.5
    assert policy.severity == {"a-rule": Severity.NOTE}
    assert policy.paths == {"/x": "y"}
    assert policy.ignores == (Suppression("a-rule", "", "known", "2030-01-01"),)
    assert policy.rerun == {"steps": 5}
    assert policy.tolerance == {"loss": 1e-3}
    assert policy.sources == {
        "fail-on": "main:.audit.toml:1",
        "require-coverage": "main:.audit.toml:2",
        "severity.a-rule": "main:.audit.toml:4",
        "paths./x": "main:.audit.toml:6",
        "ignore.0": "main:.audit.toml:7",
        "rerun.steps": "main:.audit.toml:12",
        "tolerance.loss": "main:.audit.toml:14",
    }


def test_pyproject_is_read_only_where_it_speaks_of_us() -> None:
    assert of('[tool.audit]\nfail-on = "never"\n', "pyproject.toml").fail_on == "never"
    assert of('[tool.other]\nfail-on = "never"\n', "pyproject.toml") == Policy()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("fail_on = 'error'", "unknown key 'fail_on' in main:.audit.toml", "did you mean 'fail-on'?"),
        ("fail-on = 'all'", "fail-on in main:.audit.toml is 'all'", "use one of error, warning, note, never"),
        ("require-coverage = 2", "require-coverage in main:.audit.toml is 2", "give a share from 0 to 1"),
        (
            "severity = 3",
            "severity in main:.audit.toml must be a table",
            "write [severity] and one line per entry",
        ),
        ("[[ignore]]\nrule='a'\nuntil='2030-01-01'", "an [[ignore]] in main:.audit.toml has no reason", None),
        (
            "[rerun]\nsteps = 'x'",
            "steps in [rerun] of main:.audit.toml is 'x'",
            "give a whole number from 1 upwards",
        ),
        (
            '[rerun]\nenvironment = "recored"',
            "environment in [rerun] of main:.audit.toml is 'recored'",
            "use current, recorded, or releases such as transformers==4.48.3,peft==0.14.0",
        ),
        ("[rerun]\nenvironment = 1", "environment in [rerun] of main:.audit.toml is 1", None),
        (
            "[rerun]\nminutes = nan",
            "minutes in [rerun] of main:.audit.toml is nan",
            "give a number above 0",
        ),
        ("[rerun]\nthreads = 1.5", "threads in [rerun] of main:.audit.toml is 1.5", None),
        ("[rerun]\nstep = 3", "unknown key 'step' in [rerun] of main:.audit.toml", "did you mean 'steps'?"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        of(text)
    assert caught.value.message == message
    assert hint is None or caught.value.hint == hint


def test_broken_toml_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"\.audit\.toml is not valid TOML"):
        of("fail-on = ")


def test_the_command_line_wins() -> None:
    policy = overridden(parse({"fail-on": "never"}, "x"), "error", 0.25, ["a"], ["b"])
    assert (policy.fail_on, policy.require_coverage, policy.only, policy.skip) == (
        "error",
        0.25,
        ("a",),
        ("b",),
    )
    with pytest.raises(UsageError):
        overridden(Policy(), "sometimes", None, (), ())
    with pytest.raises(UsageError):
        overridden(Policy(), None, 1.5, (), ())


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [
        ("error", {Severity.ERROR}),
        ("warning", {Severity.ERROR, Severity.WARNING}),
        ("note", set(Severity)),
        ("never", set()),
    ],
)
def test_levels(fail_on: str, failing: set[Severity]) -> None:
    policy = Policy(fail_on=fail_on)
    assert {severity for severity in Severity if policy.fails(severity)} == failing


def test_an_ignore_holds_through_its_last_day_and_not_after() -> None:
    policy = Policy(ignores=(Suppression("a-rule", "x*", "known", "2026-01-31"),))
    held, notes = suppress([finding()], policy, "2026-01-31")
    assert held[0].suppressed == policy.ignores[0]
    assert notes == ()
    ended, notes = suppress([finding()], policy, "2026-02-01")
    assert ended[0].suppressed is None
    assert notes == ("the ignore of a-rule ended on 2026-01-31: its findings count again (known)",)


def test_an_ignore_that_matches_nothing_is_said() -> None:
    policy = Policy(ignores=(Suppression("a-rule", "other/*", "known", "2030-01-01"),))
    kept, notes = suppress([finding()], policy, "2026-01-01")
    assert kept[0].suppressed is None
    assert notes == ("the ignore of a-rule matches no finding",)


def test_copies_of_one_defect_fold_into_one_finding_worst_first() -> None:
    folded = fold(
        [finding(path="checkpoint-5/x.json"), finding(path="x.json"), finding("z", "y", Severity.NOTE)]
    )
    assert [f.rule for f in folded] == ["a-rule", "z"]
    assert folded[0].at == Location("x.json", "/r")
    assert folded[0].also_at == (Location("checkpoint-5/x.json", "/r"),)


def test_a_place_found_twice_is_not_listed_under_itself() -> None:
    (only,) = fold([finding(), finding(), finding(path="checkpoint-5/x.json")])
    assert only.also_at == (Location("checkpoint-5/x.json", "/r"),)


def test_states_say_what_is_new_unchanged_and_gone() -> None:
    stated = with_states([finding("a"), finding("b")], [finding("b"), finding("c")])
    assert [(f.rule, f.state) for f in stated] == [("a", "new"), ("b", "unchanged"), ("c", "absent")]


def test_a_further_copy_of_a_known_defect_is_new() -> None:
    both = fold([finding(path="a/x.json"), finding(path="b/x.json")])
    (grown,) = with_states(both, fold([finding(path="a/x.json")]))
    assert grown.state == "new"
    (shrunk,) = with_states(fold([finding(path="a/x.json")]), both)
    assert shrunk.state == "unchanged"


def test_every_family_of_rules_has_its_place_in_a_report() -> None:
    assert sorted(FAMILIES) == sorted({rule.family for rule in rules().values()})


def test_within_a_severity_the_most_consequential_findings_come_first() -> None:
    # Families in the order of FAMILIES, and the rules of one family that ask for a Ledger first.
    wanted = [
        "custom-code-required",  # safety
        "accumulation-not-applied",  # declared, by the ledger
        "precision-contradicted",
        "quantization-unattested",
        "evaluation-without-data",  # declared, by one file
        "empty-log-history",  # training, by the ledger
        "training-was-restarted",
        "vision-tower-targeted",  # adapter
        "unrelated-histories",  # provenance
        "pad-token-is-eos",  # tokenizer
        "dataset-not-named",  # card
        "lfs-rule-over-plain-content",  # storage
        "of-no-family",
    ]
    found = [finding(rule, severity=Severity.WARNING) for rule in sorted(wanted)]
    found += [finding("binary-outside-lfs"), finding("unsafe-pickle-call", severity=Severity.NOTE)]
    for order in (found, found[::-1]):
        said = [item.rule for item in fold(order)]
        assert said == ["binary-outside-lfs", *wanted, "unsafe-pickle-call"]
        assert [item.rule for item in by_severity(fold(order))] == said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a=" + b"[" * 100_000, "nested too deeply"),
        (b"a" + b".a" * 100_000 + b"=1", "a line of more than 200 dots"),
        (b"x" * 2_000_000, "is larger than"),
        (b"require-coverage=" + b"9" * 9000, "is not valid TOML"),
        (b"[[ignore]]\nrule='a'\nreason='b'\nuntil='some day'", "until in x is 'some day'"),
    ],
)
def test_a_hostile_policy_is_a_sentence(text: bytes, message: str) -> None:
    snapshot = memory_snapshot("x", {".audit.toml": text})
    with pytest.raises(UsageError) as caught:
        from_snapshot(snapshot)
    assert message.replace(" in x ", " in x:.audit.toml ") in caught.value.message


def test_every_spelling_of_a_date_is_compared_as_that_day() -> None:
    """``20260101`` as text is later than ``2026-11-23``: '0' (48) comes after '-' (45)."""
    text = b"[[ignore]]\nrule='a'\nreason='b'\nuntil='20260101'"
    assert from_snapshot(memory_snapshot("x", {".audit.toml": text})).ignores[0].until == "2026-01-01"


@pytest.mark.parametrize(
    "text",
    [
        f"[tolerance]\nloss = {'9' * 400}",
        f"[tolerance]\nloss = 0x{'f' * 5000}",
        f"require-coverage = 0x{'f' * 5000}",
        f"fail-on = 0x{'f' * 5000}",
    ],
)
def test_a_number_of_too_many_digits_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="toml holds a number of too many digits"):
        of(text)


@pytest.mark.parametrize(
    "text", ["[tolerance]\nloss = nan", "[tolerance]\nloss = inf", "[rerun]\nsteps = inf"]
)
def test_a_number_that_is_none_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=f"is {text[-3:]}"):
        of(text)
