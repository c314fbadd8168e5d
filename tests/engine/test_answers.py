"""The reviewer's three questions: what makes each yes, no or open."""

import io
from dataclasses import replace

import pytest

from auditor.engine._answers import AGREE, MADE, SAFE, answers
from auditor.engine._feed import run_checks
from auditor.engine._result import report
from auditor.engine._side import Side
from auditor.engine.audit import Options, look
from auditor.model import (
    Answer,
    Aspect,
    Blob,
    Finding,
    Location,
    RerunPlan,
    RerunResult,
    Severity,
    Snapshot,
    Verdict,
)
from auditor.policy import Policy
from auditor.rerun.trials import UNFINISHED
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed


def asked(side: Side, *findings: Finding) -> dict[str, Answer]:
    return {answer.question: answer for answer in answers(side, findings)}


def finding(rule: str, severity: Severity) -> Finding:
    return Finding(rule, severity, "m", Location("x"))


@pytest.fixture(scope="module")
def honest() -> Side:
    return look(healthy(), Options())


def test_an_honest_repository(honest: Side) -> None:
    found = asked(honest)
    assert (found[AGREE].state, found[SAFE].state, found[MADE].state) == ("yes", "yes", "open")
    assert found[SAFE].says == "9 pickled files were read as opcodes, and none calls anything unknown"
    assert found[MADE].says == "not tested: no rerun was made (--rerun --base DIR --data PATH)"


def test_the_real_case() -> None:
    found = asked(look(seed(), Options()), finding("card-names-other-base", Severity.ERROR))
    assert found[AGREE] == Answer(
        AGREE,
        "no",
        "3 claims contradicted (gradient_accumulation_steps, mixed_precision, task_type); "
        "1 error (card-names-other-base)",
    )
    assert found[SAFE] == Answer(SAFE, "open", "5 pickled files could not be read")


def test_a_file_of_no_known_kind_that_is_not_here_leaves_the_question_open() -> None:
    absent = Blob("weights.dat", 1000, io.BytesIO, absent="its content is not here")
    side = look(Snapshot("x", {**healthy().files, "weights.dat": absent}), Options())
    assert asked(side)[SAFE] == Answer(SAFE, "open", "1 file of no known kind could not be read")


def test_a_file_of_no_known_kind_that_is_too_large_to_be_opened_leaves_it_open_as_well() -> None:
    for size, state in ((256 * 2**20, "yes"), (256 * 2**20 + 1, "open")):
        large = Blob("weights.dat", size, lambda: io.BytesIO(b"0.1 0.2 0.3"))
        side = look(Snapshot("x", {**healthy().files, "weights.dat": large}), Options())
        assert asked(side)[SAFE].state == state


def test_a_dangerous_file_is_about_safety_alone(honest: Side) -> None:
    found = asked(honest, finding("unsafe-pickle-call", Severity.ERROR))
    assert (found[AGREE].state, found[SAFE]) == ("yes", Answer(SAFE, "no", "unsafe-pickle-call"))
    doubt = asked(honest, finding("unknown-pickle-global", Severity.WARNING))[SAFE]
    assert (doubt.state, doubt.says) == ("open", "look at unknown-pickle-global first")


def test_nothing_to_judge_is_not_a_yes() -> None:
    assert asked(look(memory_snapshot("x", {"README.md": b"# x"}), Options()))[AGREE].state == "open"


@pytest.mark.parametrize(
    ("verdict", "span", "weights", "state"),
    [
        (Verdict.IDENTICAL, "whole", Verdict.IDENTICAL, "yes"),
        (Verdict.EQUIVALENT, "whole", Verdict.EQUIVALENT, "yes"),
        (Verdict.DIVERGED, "whole", Verdict.DIVERGED, "no"),
        (Verdict.DIVERGED, "prefix", Verdict.IDENTICAL, "no"),
        (Verdict.IDENTICAL, "prefix", Verdict.IDENTICAL, "open"),
        (Verdict.IDENTICAL, "whole", Verdict.INCONCLUSIVE, "open"),
        (Verdict.INCONCLUSIVE, "whole", Verdict.INCONCLUSIVE, "open"),
    ],
)
def test_what_a_rerun_answers(
    honest: Side, verdict: Verdict, span: str, weights: Verdict, state: str
) -> None:
    plan = RerunPlan(".", {}, span, 9, 18, "", "", {})
    aspects = (Aspect("weights", weights, 0.0, 0.0, ""),)
    result = RerunResult(".", plan, {}, verdict, aspects, None, why="because")
    answer = asked(replace(honest, rerun=result))[MADE]
    part = " of the first 9 of 18 steps" if span == "prefix" else ""
    assert answer == Answer(MADE, state, f"the rerun{part} is {verdict.word}: because")


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.INCONCLUSIVE, 3), (Verdict.CONSISTENT, 3), (Verdict.DIVERGED, 1)]
)
def test_a_rerun_that_was_ended_early_is_not_passed(honest: Side, verdict: Verdict, code: int) -> None:
    """Interrupted is exit 3; what had diverged by then stays exit 1."""
    plan = RerunPlan(".", {}, "whole", 9, 9, "", "", {})
    result = RerunResult(
        ".", plan, {}, verdict, (), None, repeats=(f"{UNFINISHED}the rerun was interrupted",)
    )
    outcome = run_checks(honest, (), Policy())
    made = report(
        kind="rerun",
        repository="x",
        side=replace(honest, rerun=result),
        base=None,
        findings=(),
        outcome=outcome,
        policy=Policy(),
        notes=(),
    )
    assert made.exit_code == code
    assert "ended before its question was settled" in made.summary
