"""Tokens a step: the fixture packs blocks of 64 ids, two micro-batches of one block, so a step has 128 ids."""

import json
from typing import Any

import pytest

from auditor.model import Aspect, RerunResult, Verdict
from auditor.rerun.outputs import Outputs
from tests.rerun import variants as v
from tests.rerun.test_verdict import aspect, diverged, verdict_on

STEP, STEPS = 128, 18
AT = "trainer_state.json"


def made(ids: int = STEP, tokens: int | None = STEP - 8, *, counted: bool = True) -> Outputs:
    """The rerun with the child's own lines; ``tokens`` are the ids of a step without padding."""
    lines: list[dict[str, int]] = [{"step": 0}]
    for step in range(1, STEPS + 1):
        counts = {"ids": ids, **({} if tokens is None else {"tokens": tokens})} if counted else {}
        lines.append({"step": step, **counts})
    own = {"rerun_steps.jsonl": "\n".join(map(json.dumps, lines)).encode()}
    return v.outputs({**v.committed(), **own})


def committed(a_step: int, tag: str = "num_input_tokens_seen", also: dict[int, int] | None = None) -> v.Files:
    """The final state as a Trainer that counts writes it; ``also`` adds tokens from a step on."""

    def count(document: dict[str, Any]) -> None:
        for row in document["log_history"]:
            if "loss" in row:
                extra = sum(more for step, more in (also or {}).items() if step <= row["step"])
                row[tag] = a_step * row["step"] + extra
        if tag == "num_input_tokens_seen":
            document[tag] = a_step * STEPS + sum((also or {}).values())

    return v.with_json(v.without(v.committed(), v.event_path()), AT, count)


def tokens(result: RerunResult) -> Aspect:
    return aspect(result, "tokens", AT)


@pytest.mark.parametrize(
    ("a_step", "tag", "padding"),
    [
        (STEP, "num_input_tokens_seen", "with"),
        (STEP - 8, "num_input_tokens_seen", "without"),
        (STEP - 8, "num_tokens", "without"),
    ],
)
def test_equal_counts_are_identical(a_step: int, tag: str, padding: str) -> None:
    result = verdict_on(committed(a_step, tag), made())
    assert diverged(result) == set()
    item = tokens(result)
    assert item.verdict is Verdict.IDENTICAL
    assert item.why == f"{tag} grows by {a_step * STEPS:,} over 18 steps, {padding} padding, as in the rerun"


def test_the_first_step_that_drew_others_is_named() -> None:
    """A row at step 7 that is 16 ids longer than the data's."""
    result = verdict_on(committed(STEP, also={7: 16}), made())
    assert diverged(result) == {("tokens", AT)}
    assert tokens(result).why == "num_input_tokens_seen grows by 144 in step 7, the rerun's batches held 128"
    assert result.first_divergence is not None
    assert result.first_divergence.step == 7


def test_a_total_alone_tells_its_stretch() -> None:
    files = v.with_json(v.committed(), AT, lambda d: d.update(num_input_tokens_seen=STEP * STEPS + 1))
    assert tokens(verdict_on(files, made())).why == (
        "num_input_tokens_seen grows by 2,305 in steps 1 to 18, the rerun's batches held 2,304"
    )


def test_what_was_not_counted_is_said() -> None:
    nothing = aspect(verdict_on(v.committed(), made()), "tokens", None)
    assert nothing.verdict is Verdict.INCONCLUSIVE
    assert nothing.why == "no committed file counts tokens (include_num_input_tokens_seen was off)"
    old = tokens(verdict_on(committed(STEP), made(counted=False)))
    assert (old.verdict, old.why) == (Verdict.INCONCLUSIVE, "the rerun did not count the ids of its batches")
    no_mask = tokens(verdict_on(committed(STEP - 8), made(tokens=None)))
    assert no_mask.verdict is Verdict.DIVERGED  # with padding, at least, the counts are others


def test_a_count_that_began_anew_is_no_other_number() -> None:
    """TRL counts from 0 again after a resume at step 9."""

    def anew(document: dict[str, Any]) -> None:
        for row in document["log_history"]:
            if "num_tokens" in row and row["step"] > 9:
                row["num_tokens"] -= STEP * 9

    files = v.with_json(committed(STEP, "num_tokens"), AT, anew)
    item = tokens(verdict_on(files, made()))
    assert (item.verdict, item.why) == (
        Verdict.IDENTICAL,
        "num_tokens grows by 2,176 over 17 steps, with padding, as in the rerun",
    )


def test_counts_of_zero_are_no_counts() -> None:
    """A Trainer that does not count leaves zeros."""
    assert aspect(verdict_on(committed(0), made()), "tokens", None).verdict is Verdict.INCONCLUSIVE
