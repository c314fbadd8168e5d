"""The honest tiny run, declared in the words of every platform: no rule has anything to say but notes."""

from collections.abc import Mapping

import pytest

from auditor.engine._feed import run_checks
from auditor.engine._rules import rules
from auditor.engine.audit import Options, look
from auditor.model import Severity, Status
from auditor.policy import Policy
from tests.builders.platforms import EVERY, text_of, with_config

# What the imagined configurations say otherwise than the tiny run (training_args.bin: linear, warm-up of a tenth, no
# mixed precision, seed 42, no evaluation, every checkpoint kept).
AS_THE_RUN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "autotrain": (('"save_total_limit": 1', '"save_total_limit": null'),),
    "autotrain yaml": (("mixed_precision: bf16", "mixed_precision: null"),),
    "llama board": (("compute_type: bf16", "compute_type: fp32"),),
    "axolotl": (("lr_scheduler: cosine", "lr_scheduler: linear"), ("warmup_steps: 10", "warmup_ratio: 0.1")),
    "trl": (("bf16: true", "bf16: false"), ("eval_strategy: steps\neval_steps: 9\n", "")),
    "ms-swift": (('"bf16": true', '"bf16": false'),),
    "torchtune": (("get_cosine_schedule_with_warmup", "of_my_own"), ("num_warmup_steps: 100", "warm: 100")),
    "unsloth": (("random_seed: 3407", "random_seed: 42"), ("  warmup_steps: 5\n", "")),
}


def edited(what: str) -> tuple[str, str]:
    path, content = EVERY[what]
    text = text_of(content)
    for old, new in AS_THE_RUN.get(what, ()):
        assert old in text
        text = text.replace(old, new)
    return path, text


@pytest.mark.parametrize("what", sorted(EVERY))
def test_passes_every_rule(what: str) -> None:
    path, text = edited(what)
    side = look(with_config(path, text), Options())
    (run,) = side.runs
    assert run.recipe is not None
    assert run.recipe.path == path
    outcome = run_checks(side, list(rules().values()), Policy())
    assert not outcome.failed
    loud = [f"{f.rule}: {f.message}" for f in outcome.findings if f.severity > Severity.NOTE]
    # Without this configuration the tiny run is silent; cheetah's own path is what the base is called in it.
    assert loud == []


@pytest.mark.parametrize("what", sorted(EVERY))
def test_its_values_are_verified_and_none_is_contradicted(what: str) -> None:
    side = look(with_config(*edited(what)), Options())
    (ledger,) = side.ledgers.values()
    statuses = {key: claim.status for key, claim in ledger.claims.items()}
    assert Status.CONTRADICTED not in statuses.values()
    assert {
        key: statuses[key] for key in ("r", "learning_rate", "gradient_accumulation_steps")
    } == dict.fromkeys(("r", "learning_rate", "gradient_accumulation_steps"), Status.VERIFIED)


@pytest.mark.parametrize("what", sorted(EVERY))
def test_another_rank_fails_once(what: str) -> None:
    path, text = edited(what)
    old = next(mark for mark in ('lora_r": 8', 'lora_rank": 8', "lora_r: 8", "lora_rank: 8") if mark in text)
    side = look(with_config(path, text.replace(old, old[:-1] + "12")), Options())
    outcome = run_checks(side, list(rules().values()), Policy())
    loud = {(f.rule, f.severity) for f in outcome.findings if f.severity > Severity.NOTE}
    (run,) = side.runs
    assert run.recipe is not None
    if run.recipe.record:
        assert loud == {("declared-value-contradicted", Severity.ERROR)}
    else:
        assert loud == {("config-not-of-this-run", Severity.WARNING)}
