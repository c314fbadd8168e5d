"""Predictions from measured steps, the memory guard, and the list of what is kept."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.claims import build
from auditor.errors import IncompleteError
from auditor.rerun import cache, pace, session
from auditor.rerun.environments import environment
from auditor.rerun.environments.interpreter import Interpreter
from auditor.rerun.options import RerunOptions
from auditor.rerun.pace import Pace
from tests.builders.command import audit
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

PYTHON = Interpreter(Path("python"), {})
OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA)


def test_minutes_are_starts_and_steps() -> None:
    """Two processes start, 30 s each; three trainings of 100 steps of 0.2 s are 60 s: two minutes."""
    measured = Pace(30.0, 0.2, 3 * 10**9)
    assert measured.minutes(100, 3) == pytest.approx(2.0)
    assert measured.minutes(100, 1) == pytest.approx((30 + 20) / 60)
    assert measured.budget(2.0, 3) == 100
    assert measured.budget(0.1, 3) == 1


def test_the_prediction_is_a_sentence() -> None:
    plan = v.plan_of_fixture()
    assert Pace(30.0, 2.0, 3 * 10**9).says(plan, 3) == (
        "measured 2 s a step, 30 s to start and 3.0 GB of memory: "
        "the whole run, 100% of the run will take about 3 minutes"
    )
    assert Pace(3.0, 0.1, 10**9).says(plan, 1).endswith("will take about 5 seconds")


def test_a_budget_in_minutes_chooses_the_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.15 minutes are 9 s, less 2 s for one start, over 0.7 s a step: 10 steps, so the last segment fits."""
    monkeypatch.setattr(pace, "known_or_measured", lambda *_: Pace(2.0, 0.7, 10**9))
    run = v.run_of(v.committed())
    options = replace(OPTIONS, minutes=0.15, repeats=1, variation=False)
    told: list[str] = []
    plan = session._paced(run, build(run), options, v.plan_of_fixture(), PYTHON, told.append)
    assert plan.words == "steps 10 to 18 of 18, resumed from checkpoint-9"
    assert told == [Pace(2.0, 0.7, 10**9).says(plan, 1)]


def test_short_trainings_and_given_steps_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Pace:
        raise AssertionError("measured")

    monkeypatch.setattr(pace, "known_or_measured", never)
    run = v.run_of(v.committed())
    plan = v.plan_of_fixture()
    for options in (OPTIONS, replace(OPTIONS, minutes=1.0, steps=9)):
        assert session._paced(run, build(run), options, plan, PYTHON, lambda _: None) is plan


def test_any_training_of_a_heavy_base_is_measured(tmp_path: Path) -> None:
    """Three steps of a model of billions of parameters may take an hour on a processor."""
    assert not pace.is_worth(54, TINY_BASE)
    assert pace.is_worth(150, TINY_BASE)
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(pace.HEAVY)  # a hole, which takes no disk
    assert pace.is_worth(3, tmp_path)
    assert not pace.is_worth(3, None)


def test_a_base_larger_than_memory_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x" * 3_000_000)
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\n")
    with pytest.raises(IncompleteError) as raised:
        environment.require_memory(tmp_path, memory)
    assert raised.value.message == "the base model needs 3 MB of memory at least, and 2 MB are free"
    memory.write_text("MemAvailable:    4000 kB\n")
    environment.require_memory(tmp_path, memory)
    environment.require_memory(tmp_path, tmp_path / "nothing")
    environment.require_memory(None, memory)


def keep(root: Path, name: str, content: bytes, trial: str) -> None:
    made = root.parent / f"made-{name}"
    made.mkdir(parents=True)
    (made / "x").write_bytes(content)
    cache.store(name, made, root, facts={"trial": trial, "steps": "the whole run"})


def test_what_is_kept_is_listed_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    root = tmp_path / "reruns"
    keep(root, "a" * 64, b"1" * 1_500_000, "rerun")
    time.sleep(0.02)
    keep(root, "b" * 64, b"2" * 500_000, "repeat-1")
    (root / "stray").mkdir()
    done = audit(capsys, "rerun", "--cache", "list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["b" * 12, "a" * 12]
    assert lines[1].endswith("rerun: the whole run")
    assert lines[2].startswith("2 finished trainings, 2.0 MB, in ")
    assert audit(capsys, "rerun", "--cache", "clear").out == "removed 2 finished trainings, 2.0 MB\n"
    assert cache.entries(root) == ()
    wrong = audit(capsys, "rerun", "--cache", "empty")
    assert wrong.code == 2
    assert "--cache takes list or clear, not 'empty'" in wrong.err


@pytest.mark.rerun
def test_two_steps_are_measured_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    plan = v.plan_of_fixture()
    measured = pace.known_or_measured(plan, OPTIONS, None, {"CUDA_VISIBLE_DEVICES": ""})
    assert measured is not None
    assert measured.start > 0.5  # torch and transformers are imported
    assert 0 < measured.step < 60
    assert measured.memory > 10**8
    monkeypatch.setattr(pace, "measure", None)
    assert pace.known_or_measured(plan, OPTIONS, None, {"CUDA_VISIBLE_DEVICES": ""}) == measured
