"""How checks are fed: by their annotations, once per folder or run, with a reason where they could not be."""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.scaler_state import ScalerState
from auditor.engine._feed import Outcome, run_checks
from auditor.engine._rules import Documentation, Rule, needs_of
from auditor.engine.audit import Options, look
from auditor.model import Diff, Location, Problem, Severity, Skip, Snapshot
from auditor.policy import Policy
from auditor.recipes._base import Recipe
from auditor.runs import BaseFolder, Run
from tests.builders.platforms import TORCHTUNE
from tests.builders.repositories import TINY_BASE, healthy, seed


def outcome(check: object, snapshot: Snapshot, policy: Policy | None = None) -> Outcome:
    needs = needs_of(check)  # type: ignore[arg-type]
    rule = Rule("a-rule", "f", Severity.ERROR, needs, check, Documentation("W.", "y", "", "do"))  # type: ignore[arg-type]
    return run_checks(look(snapshot, Options()), [rule], policy or Policy())


def test_a_check_runs_once_in_each_folder_that_holds_what_it_asks_for() -> None:
    def check(config: AdapterConfig) -> Iterator[Problem]:
        yield Problem("seen", config.at("/r"))

    found = outcome(check, healthy())
    assert [f.at.path for f in found.findings] == [
        "adapter_config.json",
        "checkpoint-9/adapter_config.json",
        "checkpoint-18/adapter_config.json",
    ]
    assert found.ran == {"a-rule"}
    assert {f.fix for f in found.findings} == {"do"}


def test_a_run_is_supplied_once() -> None:
    def check(run: Run) -> Iterator[Problem]:
        yield Problem(run.name, Location("x"))

    assert [f.message for f in outcome(check, healthy()).findings] == ["."]


def test_an_optional_artifact_is_none_where_there_is_none() -> None:
    def check(config: AdapterConfig, scaler: ScalerState | None) -> Iterator[Problem]:
        if scaler is None:
            yield Problem("none", config.at())

    assert len(outcome(check, healthy()).findings) == 3


def test_what_is_missing_is_a_reason_and_never_a_pass() -> None:
    def check(scaler: ScalerState) -> Iterator[Problem]:
        yield Problem("never", scaler.at())

    found = outcome(check, healthy())
    assert (found.findings, found.ran) == ([], set())
    assert [n.reason for n in found.not_applicable] == ["no scaler.pt is in the repository"]

    def compared(diff: Diff) -> Iterator[Problem]:
        yield Problem(str(diff), Location("x"))

    (item,) = outcome(compared, healthy()).not_applicable
    assert item.reason == "only one side was audited (audit compare looks at two)"


def test_an_unfetched_file_is_named_in_the_reason() -> None:
    from auditor.artifacts.optimizer_state import OptimizerState

    def check(state: OptimizerState) -> Iterator[Problem]:
        yield Problem("never", state.at())

    (item,) = outcome(check, seed()).not_applicable
    assert item.reason == "checkpoint-450/optimizer.pt was not read: unfetched"


def test_a_configuration_that_is_no_runs_or_was_not_read_is_named() -> None:
    def look_at(recipe: Recipe) -> Iterator[Problem]:
        yield from ()

    cheetah = "cheetah-fine-tuning-config.json"
    other = healthy(
        without=[cheetah], text={"recipes/recipe.yaml": TORCHTUNE.replace("lora_rank: 8", "lora_rank: 64")}
    )
    (item,) = outcome(look_at, other).not_applicable
    assert item.reason == "recipes/recipe.yaml is not known to have made any adapter or checkpoint here"
    (item,) = outcome(look_at, healthy(text={cheetah: '{"a": 1, "a": 2}'})).not_applicable
    assert item.reason == "cheetah-fine-tuning-config.json was not read: unreadable"


def test_a_folder_that_could_not_be_read_is_named_where_the_rule_ran_elsewhere() -> None:
    def check(config: AdapterConfig) -> Iterator[Problem]:
        yield from ()

    found = outcome(check, healthy(data={"checkpoint-9/adapter_config.json": b"{"}))
    assert found.ran == {"a-rule"}
    assert [(n.where, n.reason) for n in found.not_applicable] == [
        ("checkpoint-9", "checkpoint-9/adapter_config.json was not read: unreadable")
    ]


def test_folders_outside_every_run_are_checked_too() -> None:
    def check(card: ModelCard) -> Iterator[Problem]:
        yield Problem("card", card.at())

    found = outcome(check, healthy(text={"docs/README.md": "# x"}))
    assert "docs/README.md" in {f.at.path for f in found.findings}


def test_a_rule_that_says_it_cannot_look_is_not_a_pass_of_that_folder() -> None:
    def check(run: Run) -> Iterator[Skip]:
        yield Skip("the version is not proven")

    (item,) = outcome(check, healthy()).not_applicable
    assert (item.rule, item.reason) == ("a-rule", "the version is not proven")


def test_a_crash_is_kept_and_what_was_found_before_it_too() -> None:
    def check(run: Run) -> Iterator[Problem]:
        yield Problem("first", Location("x"))
        raise ZeroDivisionError("by zero")

    found = outcome(check, healthy())
    assert [f.message for f in found.findings] == ["first"]
    assert found.failed == {"a-rule": "ZeroDivisionError: by zero"}
    assert found.ran == set()


def test_the_policy_outranks_the_problem_and_the_problem_its_rule() -> None:
    def check(run: Run) -> Iterator[Problem]:
        yield Problem("m", Location("x"), severity=Severity.NOTE)

    assert outcome(check, healthy()).findings[0].severity is Severity.NOTE
    policy = Policy(severity={"a-rule": Severity.WARNING})
    assert outcome(check, healthy(), policy).findings[0].severity is Severity.WARNING


def test_texts_of_a_finding_are_bounded() -> None:
    def check(run: Run) -> Iterator[Problem]:
        yield Problem("m" * 10_000, Location("x"), observed="o" * 10_000)

    (found,) = outcome(check, healthy()).findings
    assert (len(found.message), len(found.observed or "")) == (600, 600)


def test_the_base_model_s_folder_is_supplied_where_it_was_given() -> None:
    def check(base: BaseFolder) -> Iterator[Problem]:
        yield Problem(str(sorted(kind.__name__ for kind in base.artifacts)), Location("x"))

    missing = outcome(check, healthy())
    assert [n.reason for n in missing.not_applicable] == [
        "the base model's folder was not given (--base DIR)"
    ]
    rule = Rule("a-rule", "f", Severity.ERROR, needs_of(check), check, Documentation("W.", "y", "", "do"))
    (only,) = run_checks(look(healthy(), Options(base=TINY_BASE)), [rule], Policy()).findings
    assert "'TokenizerConfig'" in only.message
    assert "'BaseConfig'" in only.message
