"""Predictions from measured steps, the memory guard, and the list of what is kept."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.claims import build
from auditor.errors import IncompleteError
from auditor.model import RerunPlan
from auditor.rerun import cache, experiment, forecast, pace, runner
from auditor.rerun.bench import Bench
from auditor.rerun.command import parse as parsed
from auditor.rerun.environments import environment
from auditor.rerun.environments.interpreter import Interpreter
from auditor.rerun.fleet.where import HERE, Where, parse
from auditor.rerun.options import RerunOptions
from auditor.rerun.pace import Crew, Pace
from auditor.rerun.planning.planned import plan_only
from auditor.rerun.session import rerun
from tests.builders.command import audit
from tests.builders.repositories import TINY, TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_fleet import PLACES

OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA)
MEASURED = Pace(30.0, 0.2, 3 * 10**9)
THREE = Crew.of(OPTIONS)


def test_starts_steps_and_what_each_training_begins_with_add_up() -> None:
    """Two starts of 30 s, 54 steps of 0.2 s; the third training begins in 5 s in a process that is there."""
    plan = v.plan_of_fixture()
    assert MEASURED.seconds(plan, THREE) == pytest.approx(2 * 30 + 3 * 18 * 0.2)
    assert replace(MEASURED, again=5.0).seconds(plan, THREE) == pytest.approx(2 * 30 + 5 + 3 * 18 * 0.2)
    warm = Crew.of(OPTIONS, warm=True)
    assert replace(MEASURED, again=5.0).seconds(plan, warm) == pytest.approx(30 + 2 * 5 + 3 * 18 * 0.2)


def test_seconds_are_spent_on_starts_before_steps() -> None:
    """120 s less two starts of 30 s leave 60 s for three trainings of 0.2 s a step: 100 steps."""
    assert MEASURED.budget(120, THREE) == 100
    assert MEASURED.budget(6, THREE) == 1


@pytest.mark.parametrize(
    ("where", "jobs", "crew"),
    [
        (HERE, None, Crew(3, 3, 2, 1)),
        (HERE, 2, Crew(3, 2, 2, 2)),
        (HERE, 8, Crew(3, 1, 1, 3)),
        (Where("slurm"), None, Crew(3, 1, 1, 3)),
        (Where("slurm"), 1, Crew(3, 3, 3, 1)),
    ],
)
def test_trainings_are_spread_over_processes(where: Where, jobs: int | None, crew: Crew) -> None:
    """Here one process serves all but the variation; elsewhere each training has its own."""
    assert Crew.of(replace(OPTIONS, where=where, jobs=jobs)) == crew


def test_the_prediction_is_a_sentence() -> None:
    plan = Pace(30.0, 2.0, 3 * 10**9).of(v.plan_of_fixture(), THREE)
    assert pace.says(plan, earlier=False) == (
        "measured: 2 s a step, 30 s to start, 3.0 GB of memory: "
        "the whole run, trained 3 times, will take about 3 minutes"
    )
    part = Pace(3.0, 0.1, None, 2 * 10**10, widest=90, longest=128).of(
        v.plan_of_fixture(9), Crew.of(replace(OPTIONS, repeats=1, variation=False))
    )
    assert pace.says(part) == (
        "measured earlier: 0.1 s a step, 3 s to start, 20.0 GB of the GPU's; "
        "rows of 128 tokens, which were not measured, need more memory than those of 90: "
        "the first 9 of 18 steps (50% of its steps), trained once, will take about 4 seconds"
    )
    assert pace.says(v.plan_of_fixture()) == ""


class Stage:
    """A bench whose measurement gives a known pace; what was told, and how often it measured."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: RerunPlan, **more: Any) -> None:
        monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(forecast, "measure", self._measure)
        self.measured, self.told = 0, list[str]()
        options = replace(OPTIONS, **more)
        run = v.run_of(v.committed())
        python = Interpreter(Path("python"), {})
        self.bench = experiment.begin(plan, options, lambda *_: None, tmp_path, "cpu", python=python)
        forecast.settle(
            self.bench,
            lambda steps: plan_only(run, build(run), replace(options, steps=steps)),
            lambda: self.bench.holds(experiment.first(self.bench)),
            self.told.append,
        )

    def _measure(self, bench: Bench, tell: object) -> Pace:
        self.measured += 1
        return Pace(2.0, 0.7, 10**9)


def test_a_budget_in_minutes_chooses_the_span(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.12 minutes are 7.2 s over 0.7 s a step, as the process has started: 10 steps, so the last segment fits."""
    stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture(), minutes=0.12, repeats=1, variation=False)
    assert stage.bench.plan.words == "steps 10 to 18 of 18, resumed from checkpoint-9"
    assert stage.told == [pace.says(stage.bench.plan, earlier=False)]
    assert stage.measured == 1
    assert stage.bench.plan.prediction is not None
    assert stage.bench.plan.prediction.seconds == pytest.approx(9 * 0.7)


def test_a_time_that_is_up_before_the_minutes_chooses_the_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7.2 s are left of the minute, which the training would not outlive: as in 0.12 minutes, 10 steps."""
    more = {"minutes": 1.0, "timeout": 7.2, "repeats": 1, "variation": False}
    stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture(), **more)
    assert stage.bench.plan.words == "steps 10 to 18 of 18, resumed from checkpoint-9"


def test_every_training_of_three_steps_is_measured_once_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for more in ({}, {"minutes": 1.0, "steps": 9}):
        stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture(3), **more)
        assert stage.measured == 1
        assert stage.told[0].startswith(
            "measured: 0.7 s a step, 2 s to start, 1.0 GB of memory: the first 3 of"
        )
        assert stage.bench.plan.prediction is not None


def test_two_steps_are_not_measured_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture(2))
    assert stage.told == ["not measured beforehand: that takes 3 steps, more than there are"]
    assert stage.measured == 0
    assert stage.bench.plan.prediction is None


def test_what_is_kept_from_an_earlier_rerun_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bench, "holds", lambda *_: True)
    stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture())
    assert stage.told == ["its trainings are kept from an earlier rerun, and are not made again"]
    assert stage.measured == 0


def test_more_memory_than_is_free_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three trainings of 1 GB side by side, one of which is there already; the machine has room for one more."""
    monkeypatch.setattr(environment, "free_memory", lambda: 1_500_000_000)
    stage = Stage(tmp_path, monkeypatch, v.plan_of_fixture(), jobs=3)
    assert stage.told[1] == ("3.0 GB are more memory than the 2.5 GB that are free: --jobs 2 needs less")
    alone = Crew(3, 3, 2, 1)
    assert forecast.beyond(Pace(1.0, 1.0, 3 * 10**9), alone, OPTIONS, warm=False) == (
        "3.0 GB are more memory than the 1.5 GB that are free: no shorter span needs less"
    )
    assert forecast.beyond(Pace(1.0, 1.0, 3 * 10**9), alone, OPTIONS, warm=True) is None


CHILD = """
import json, os, sys
path = sys.argv[1]
while path:
    (job,) = json.load(open(path))["jobs"]
    assert job["measured"] and (job["start_at"], job["stop_at"], job["resume"]) == (0, 3, None), job
    os.makedirs(job["output"])
    figures = {"ends": [9.0, 9.5, 10.5], "again": 2.0, "resident": 7, "gpu": None, "widest": 64, "longest": 64}
    with open(os.path.join(job["output"], "pace.json"), "w") as stream: json.dump(figures, stream)
    print(json.dumps({"event": "idle"}), flush=True)
    path = sys.stdin.readline().strip()
"""


@pytest.mark.parametrize(("where", "jobs"), PLACES)
def test_steps_are_measured_where_the_trainings_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, jobs: int | None
) -> None:
    """A step takes (10.5 - 9) / 2 s; the first ended 9 s after the process began, so it starts in 8.25 s."""
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "child.py").write_text(CHILD)
    folder = tmp_path / "experiment"
    folder.mkdir()
    options = replace(OPTIONS, where=parse(where), jobs=jobs)
    plan, python = v.plan_of_fixture(9), Interpreter(Path(sys.executable), {}, child=tmp_path / "child.py")
    with experiment.begin(plan, options, lambda *_: None, folder, "cpu", python=python) as bench:
        measured = forecast.measure(bench, lambda _: None)
    assert measured == Pace(8.25, 0.75, 7, None, 2.0, 64, 64)
    assert not (folder / "pace").exists()
    assert pace.known(plan, options, "cpu") == measured
    assert pace.known(plan, options, "cuda") is None
    assert pace.known(plan, replace(options, threads=2), "cpu") is None
    assert pace.known(plan, replace(options, cache=False), "cpu") is None


def test_a_measurement_that_fails_says_why_before_anything_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "child.py").write_text("import sys; sys.exit(5)\n")
    python = Interpreter(Path(sys.executable), {}, child=tmp_path / "child.py")
    told: list[str] = []
    with (
        pytest.raises(IncompleteError, match="ended with code 5 before its first step"),
        experiment.begin(
            v.plan_of_fixture(9), OPTIONS, lambda *_: None, tmp_path, "cpu", python=python
        ) as bench,
    ):
        forecast.settle(bench, lambda _: bench.plan, lambda: False, told.append)
    assert told == []


def test_a_script_of_ones_own_is_not_measured() -> None:
    options = replace(
        OPTIONS, trainer="command", command=parsed(f"{sys.executable} train.py {{output}}", "--command")
    )
    assert forecast.unmeasured(v.plan_of_fixture(), options) == (
        "a script of your own trains in one piece, of which no steps can be measured"
    )


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
@pytest.mark.parametrize(
    ("changed", "loading"),
    [({}, 4.0), ({"bias": "all"}, 0.0), ({"trainer": "sft"}, 0.0), ({"peft_type": None}, 0.0)],
)
def test_loading_counts_again_where_the_base_is_loaded_again(changed: Any, loading: float) -> None:
    """Loading takes 7 - 3 s; it is left out of what a further training takes where the same base serves that too."""
    from auditor.rerun.child.base_model import Base
    from auditor.rerun.child.clock import Clock
    from auditor.rerun.child.job import settings_from

    class Told:
        moments = iter((1.0, 3.0, 7.0))

        @property
        def seconds(self) -> float:
            return next(self.moments)

    class Kept(Base):
        def get(self, job: Any) -> str:
            return "base"

    clock = Clock(Told())  # type: ignore[arg-type]
    assert clock.load(Kept(), SimpleNamespace(settings=settings_from(changed))) == "base"  # type: ignore[arg-type]
    assert clock.loading == loading


@pytest.mark.rerun
def test_steps_are_measured_told_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the process that then trains: one warm child starts, and the variation's."""
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    started: list[object] = []
    start = runner._start

    def counted(*values: Any, **more: Any) -> Any:
        started.append(values)
        return start(*values, **more)

    monkeypatch.setattr(runner, "_start", counted)
    run = v.run_of(v.committed())
    told: list[str] = []
    options = replace(OPTIONS, steps=3, span="prefix", controls=False, hypotheses=False, repeats=1)
    result = rerun(run, build(run), options, announce=told.append)
    assert len(started) == 2
    made = result.plan.prediction
    assert made is not None
    assert made.start > 0.5  # torch and transformers are imported
    assert 0 < made.step < 60
    assert made.memory is not None
    assert 10**8 < made.memory < 10**10
    assert told == [pace.says(result.plan, earlier=False)]
    plan = pace.predicted(plan_only(run, build(run), options), options, "cpu")
    assert plan.prediction is not None
    assert (plan.prediction.step, plan.prediction.memory) == (made.step, made.memory)
    assert plan.prediction.seconds > made.seconds  # no process is warm
    shown = audit(
        capsys,
        "rerun",
        "candidate",
        "--repo",
        str(TINY / "repo.bundle"),
        "--base",
        str(TINY_BASE),
        "--data",
        str(v.DATA),
        "--plan",
    )
    assert "Measured earlier: " in shown.out
