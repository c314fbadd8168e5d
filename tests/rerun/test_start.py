"""Where the adapter began decides what a rerun can begin with."""

from dataclasses import replace

import pytest

from auditor.claims import build
from auditor.compare import initial
from auditor.compare.initial import SeedProof
from auditor.model import Span, Verdict
from auditor.rerun.judging.verdict import judge
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.start import start_of
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

RANDOM = 3_141_592_653
"""No seed that people choose."""


def proving(patch: pytest.MonkeyPatch, proof: SeedProof, computed: SeedProof | None = None) -> None:
    patch.setattr(initial, "begins_with", lambda *_: False)
    patch.setattr(initial, "prove_seed", lambda *_: proof)
    patch.setattr(initial, "recover_seed", lambda *_, **__: computed or SeedProof("inconclusive", None))


def test_the_honest_fixture_begins_with_the_declared_seed() -> None:
    found = start_of(v.run_of(v.committed()), 42)
    assert (found.unknown, found.seed, list(found.alternatives())) == (None, None, [])
    assert {key: setting.value for key, setting in found.settings.items()} == {
        "init_seed": None,
        "init_skip": 0,
    }


def test_another_seed_that_people_choose_is_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    proving(monkeypatch, SeedProof("unreached", 42, other=43, says="seed does not reach the adapter"))
    found = start_of(v.run_of(v.committed()), 42)
    (reading,) = found.alternatives()
    assert (reading.words, reading.open) == ("seed = 43", False)
    assert found.unknown is None


def test_the_seed_of_an_unseeded_process_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain script wraps the model before the Trainer seeds: its adapter is drawn from 64 random bits."""
    computed = SeedProof("proved", RANDOM, says="seed proved on 2 of 2 untrained modules", drawn_before=640)
    proving(monkeypatch, SeedProof("unreached", 42), computed)
    found = start_of(v.run_of(v.committed()), 42)
    assert (found.settings["init_seed"].value, found.settings["init_skip"].value) == (RANDOM, 640)
    assert not found.settings["init_seed"].assumed
    assert list(found.alternatives()) == []


def test_draws_before_the_adapter_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    proving(monkeypatch, SeedProof("consistent", 42, drawn_before=512))
    found = start_of(v.run_of(v.committed()), 42)
    assert (found.settings["init_seed"].value, found.settings["init_skip"].value) == (42, 512)


def test_an_unknown_beginning_leaves_the_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    proving(monkeypatch, SeedProof("unreached", 42, says="seed 42 does not reach the adapter"))
    run = v.run_of(v.committed())
    plan = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert plan.unknown_start == "seed 42 does not reach the adapter"
    assert plan.parts == (Span(9, 18, "checkpoint-9"),)
    alone = v.run_of(v.without(v.committed(), "checkpoint-9/optimizer.pt"))
    assert planning.build(alone, build(alone), TINY_BASE, v.DATA).span == "whole"


def test_agreement_after_an_unknown_beginning_names_the_steps_that_stay_open() -> None:
    """A first stage on any rows may lie before the checkpoint, whatever the configuration says of the start."""
    files = v.committed()
    plan = replace(
        v.plan_of_fixture(), span="segments", parts=(Span(9, 18, "checkpoint-9"),), unknown_start="none fits"
    )
    result = judge(v.run_of(files), v.ledger_of(files), plan, v.outputs())
    assert result.verdict is Verdict.IDENTICAL
    assert result.why == (
        "The recipe makes what could be compared, bit for bit, over steps 10 to 18 of 18, resumed from checkpoint-9; "
        "not compared: steps 1 to 9, because the declared seed did not draw the adapter."
    )


def test_an_unknown_beginning_accuses_nobody() -> None:
    """Weights twice as long as the recipe's: a divergence, unless the run began with an adapter nobody knows."""
    files = v.without(v.scaled(v.committed(), 1.0), v.event_path(), *v.OPTIMIZERS)
    run = v.run_of(files)
    plan = replace(v.plan_of_fixture(), unknown_start="seed 42 does not reach the adapter")
    result = judge(run, build(run), plan, v.outputs())
    weights = [item for item in result.aspects if item.aspect == "weights"]
    assert {item.verdict for item in weights} == {Verdict.INCONCLUSIVE}
    assert weights[0].why.endswith(
        "but the run did not begin with the declared seed's adapter: seed 42 does not reach the adapter"
    )
    assert judge(run, build(run), v.plan_of_fixture(), v.outputs()).verdict is Verdict.DIVERGED
