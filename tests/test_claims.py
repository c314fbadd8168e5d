"""The ledger: every source of every hyperparameter, and how evidence marks a claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.claims import DECLARED, EFFECTIVE, RECORDED, Ledger, build, precision_of, received, same_value
from auditor.model import Evidence, Status
from auditor.runs import group, read
from tests.builders.repositories import healthy
from tests.checks.training.parts import arguments, everywhere


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    (run,) = group(read(healthy()))
    return build(run)


def test_each_source_states_its_value_in_its_own_spelling(ledger: Ledger) -> None:
    claim = ledger.get("learning_rate")
    assert claim is not None
    assert [(s.role, s.value, s.key) for s in claim.statements][:2] == [
        (DECLARED, 0.002, "learning_rate"),
        (EFFECTIVE, 0.002, "learning_rate"),
    ]
    scheduler = ledger.statement("lr_scheduler_type", DECLARED)
    assert scheduler is not None
    assert (scheduler.key, scheduler.member) == ("scheduler", "/train_model_parameters/scheduler")


def test_what_the_code_received_comes_before_what_was_declared(ledger: Ledger) -> None:
    first = ledger.statement("seed")
    assert first is not None
    assert first.role == EFFECTIVE
    recorded = ledger.statement("r")
    assert recorded is not None
    assert recorded.role == RECORDED


def test_a_contradiction_outweighs_a_verification(ledger: Ledger) -> None:
    yes = Evidence("r", Status.VERIFIED, "shapes say 8")
    no = Evidence("r", Status.CONTRADICTED, "shapes say 4")
    assert ledger.claims["r"].status is Status.STATED
    assert ledger.with_evidence((yes,)).claims["r"].status is Status.VERIFIED
    both = ledger.with_evidence((yes, no)).claims["r"]
    assert (both.status, both.why) == (Status.CONTRADICTED, "shapes say 4")


def test_evidence_may_bring_a_claim_that_nobody_stated(ledger: Ledger) -> None:
    more = ledger.with_evidence((Evidence("tokens", Status.VERIFIED, "460,800 tokens", value=460_800),))
    assert more.derived("tokens") == 460_800
    assert more.claims["tokens"].statements == ()


@pytest.mark.parametrize(
    ("key", "one", "other", "same"),
    [
        ("learning_rate", 3e-5, 0.00003, True),
        ("learning_rate", 3e-5, 3.0001e-5, False),
        ("target_modules", ["a", "b"], ["b", "a"], True),
        ("target_modules", ["a"], ["a", "b"], False),
        ("optim", "adamw_torch", "OptimizerNames.ADAMW_TORCH", True),
        ("lr_scheduler_type", "linear", "cosine", False),
        ("mixed_precision", None, "no", True),
        ("mixed_precision", "fp16", "no", False),
        ("packing", "true", True, True),
        ("r", 16, 16.0, True),
        ("gradient_checkpointing", 1, True, True),
        ("seed", None, None, True),
    ],
)
def test_what_means_the_same(key: str, one: object, other: object, same: bool) -> None:
    assert same_value(key, one, other) is same
    assert same_value(key, other, one) is same


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none()))
def test_everything_means_the_same_as_itself(value: object) -> None:
    assert same_value("any", value, value)


def test_precision_is_read_from_both_flags() -> None:
    assert precision_of({"fp16": True, "bf16": False}) == "fp16"
    assert precision_of({"fp16": False, "bf16": True}) == "bf16"
    assert precision_of({"fp16": False, "bf16": False}) == "no"
    assert precision_of({}) is None


def test_the_copy_that_all_checkpoints_agree_against_does_not_speak_for_the_run() -> None:
    odd = arguments(learning_rate=0.5)
    (alone,) = group(read(healthy(data={"training_args.bin": odd})))
    (early,) = group(read(healthy(data={"checkpoint-9/training_args.bin": odd})))
    (everywhere_,) = group(read(healthy(data=everywhere(odd))))
    found = [received(run) for run in (alone, early, everywhere_)]
    assert [(one.path, one.get("learning_rate")) for one in found if one is not None] == [
        ("checkpoint-18/training_args.bin", 0.002),
        ("training_args.bin", 0.002),
        ("training_args.bin", 0.5),
    ]
