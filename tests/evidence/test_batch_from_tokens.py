"""Accumulation from tokens a step: hand-made token counts over a known number of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence import batch_from_tokens as module
from auditor.evidence import tokens_from_total_flos as tokens
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import seed
from tests.evidence.support import adapter, recipe, run_of, said, state, weighed

# The counted parameters of the real case (meta-device model of transformers 4.51.3).
N = 3_666_842_480
CLAIM = "gradient_accumulation_steps"
RNG = "checkpoint-10/rng_state.pth"


def run_with(
    drawn: int,
    steps: int,
    declared: int | None,
    length: int = 64,
    epoch: float = 1.0,
    files: tuple[str, ...] = (RNG,),
    auto_find: bool = False,
    **changes: object,
) -> Run:
    """A run whose total_flos holds ``drawn`` tokens in ``steps`` steps."""
    train = {"gradient_accumulation": declared, "auto_find_batch_size": auto_find}
    config = recipe(train=train, tokenizer={"max_length": length})
    counted = state(total_flos=6 * N * drawn, global_step=steps, max_steps=steps, epoch=epoch, **changes)
    return run_of(
        {
            "adapter_config.json": adapter(),
            "cheetah-fine-tuning-config.json": config,
            "checkpoint-10/trainer_state.json": counted,
            **dict.fromkeys(files, b""),
        }
    )


def outcome(run: Run) -> Status | None:
    return said(run, tokens, module).get(CLAIM, (None, ""))[0]


def test_the_real_case_did_not_apply_its_accumulation() -> None:
    ledger = weighed(run_of(seed()), tokens, module)
    (evidence,) = ledger.claims[CLAIM].evidence
    assert evidence.outcome is Status.CONTRADICTED
    assert evidence.says == (
        "1,024 tokens a step are 1 row of 1,024: the declared accumulation 4 was not applied, "
        "unless each step held 4 rows that average exactly 256 tokens"
    )
    assert evidence.detail == (
        "1,024 tokens a step = 1 (train_batch_size) x 1 (processes) x 1,024 (max_length) x 1"
    )
    assert evidence.value == 1


@pytest.mark.parametrize(
    ("drawn", "steps", "declared", "expected"),
    [
        (10 * 4 * 64, 10, 4, Status.VERIFIED),
        (10 * 4 * 64, 10, 1, Status.CONTRADICTED),
        (10 * 1 * 64, 10, 4, Status.CONTRADICTED),
        (10 * 8 * 64, 10, 4, Status.CONTRADICTED),
        # 38 micro-batches of one epoch in groups of 4: nine full steps and one of two.
        (38 * 64, 10, 4, Status.VERIFIED),
        # Five micro-batches in two steps: groups of 3 and of 4 both fit.
        (5 * 64, 2, 4, Status.UNVERIFIABLE),
        # One step that held 2 micro-batches: with 4 allowed the epoch may just have ended.
        (2 * 64, 1, 4, Status.UNVERIFIABLE),
        # Rows of varying length.
        (10 * 4 * 64 - 1, 10, 4, Status.UNVERIFIABLE),
    ],
)
def test_only_exact_numbers_decide(drawn: int, steps: int, declared: int, expected: Status) -> None:
    assert outcome(run_with(drawn, steps, declared)) is expected


def test_tokens_of_failed_attempts_accuse_nobody() -> None:
    # Two attempts that ran out of memory leave their tokens in total_flos (transformers, trainer.py).
    assert outcome(run_with(10 * 8 * 64, 10, 4, auto_find=True)) is Status.UNVERIFIABLE
    assert outcome(run_with(10 * 4 * 64, 10, 4, auto_find=True)) is Status.VERIFIED
    assert outcome(run_with(10 * 1 * 64, 10, 4, auto_find=True)) is Status.CONTRADICTED


def test_every_process_and_every_row_of_a_micro_batch_counts() -> None:
    ranks = ("checkpoint-10/rng_state_0.pth", "checkpoint-10/rng_state_1.pth")
    run = run_with(10 * 3 * 2 * 5 * 64, 10, 3, files=ranks, train_batch_size=5)
    assert outcome(run) is Status.VERIFIED
    assert outcome(run_with(10 * 3 * 2 * 5 * 64, 10, 3, train_batch_size=5)) is Status.CONTRADICTED


def test_varying_lengths_say_the_average() -> None:
    says = said(run_with(10 * 4 * 64 - 20, 10, 4), tokens, module)[CLAIM][1]
    assert says == (
        "254 tokens a step would be 63.5 a row on average under accumulation 4, where max_length is 64: rows of "
        "varying length leave it open"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"length": 0}, "64 tokens a step are known, but no length of a row is declared"),
        ({"files": ()}, "64 tokens a step are known, but no rng_state file tells how many processes trained"),
        (
            {"train_batch_size": None},
            "64 tokens a step are known, but trainer_state.json does not record the micro-batch",
        ),
    ],
)
def test_says_what_is_missing(changes: dict[str, object], reason: str) -> None:
    run = run_with(640, 10, 1, **changes)  # type: ignore[arg-type]
    assert said(run, tokens, module) == {CLAIM: (Status.UNVERIFIABLE, reason)}


def test_two_different_lengths_leave_it_open() -> None:
    config = recipe(train={"gradient_accumulation": 4}, tokenizer={"max_length": 2048, "block_size": 1024})
    found = said(run_of(seed(json_edits=None, data=_json(config))), tokens, module)
    assert found[CLAIM][0] is Status.UNVERIFIABLE


def _json(config: object) -> dict[str, bytes]:
    import json

    return {"cheetah-fine-tuning-config.json": json.dumps(config).encode()}


def test_is_silent_without_a_declared_accumulation_or_tokens() -> None:
    assert said(run_with(640, 10, None), tokens, module) == {}
    assert said(run_with(0, 10, 4), tokens, module) == {}


@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 4), st.integers(1, 3))
def test_an_honest_run_is_never_accused(accumulation: int, batches: int, row: int, epochs: int) -> None:
    # transformers 5.23.0: ceil(batches / accumulation) steps an epoch, the last with what is left.
    steps = -(-batches // accumulation) * epochs
    run = run_with(batches * epochs * row, steps, accumulation, length=row, epoch=float(epochs))
    assert outcome(run) in (Status.VERIFIED, Status.UNVERIFIABLE)
    if batches % accumulation == 0:
        assert outcome(run) is Status.VERIFIED
