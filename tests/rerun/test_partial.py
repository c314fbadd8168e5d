"""What stands when a part of an experiment fails: a child of a few lines of Python that fails where it is told."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor.errors import IncompleteError
from auditor.rerun import cache, experiment
from auditor.rerun.environments.interpreter import Interpreter
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs
from auditor.rerun.runner import EndedEarlyError
from auditor.rerun.trials import CONTROL, HYPOTHESIS, Trial
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_fleet import missing
from tests.rerun.whole import experiment_of

CHILD = """
import json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
def tell(**e): print(json.dumps(e), flush=True)
path = sys.argv[1]
while path:
    for job in json.load(open(path))["jobs"]:
        name, output = job["name"], job["output"]
        os.makedirs(output, exist_ok=True)
        with open(os.path.join(here, "trained"), "a") as stream: stream.write(name + "\\n")
        tell(event="step", job=name, step=1, loss=1.0)
        if os.path.exists(os.path.join(here, "fail-" + name)):
            sys.stderr.write("ValueError: no\\n"); sys.exit(1)
        if os.path.exists(os.path.join(here, "hang-" + name)): time.sleep(60)
        with open(os.path.join(output, "made"), "w") as stream: stream.write(name)
    tell(event="idle")
    path = sys.stdin.readline().strip()
"""
OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA, variation=False)


@dataclasses.dataclass
class Lab:
    place: Path
    runs: int = 0
    told: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def run(self, advice: experiment.Advice | None = None, **changed: object) -> Outputs:
        self.runs += 1
        folder = self.place / f"run-{self.runs}"
        folder.mkdir()
        options = dataclasses.replace(OPTIONS, **changed)  # type: ignore[arg-type]
        python = Interpreter(Path(sys.executable), {}, child=self.place / "child.py")
        plan = v.plan_of_fixture(3)
        return experiment_of(plan, options, self._progress, folder, "cpu", advice=advice, python=python)

    def _progress(self, step: int, total: int, *_: object) -> None:
        self.told.append((step, total))

    def fail(self, name: str, *, how: str = "fail") -> Path:
        mark = self.place / f"{how}-{name}"
        mark.touch()
        return mark

    @property
    def trained(self) -> list[str]:
        return (self.place / "trained").read_text().split()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "child.py").write_text(CHILD)
    return Lab(tmp_path)


def states(lab: Lab) -> dict[str, str]:
    """What the list beside the last trainings calls complete and partial."""
    document = json.loads((lab.place / f"run-{lab.runs}" / "experiment.json").read_text())
    return {trial["name"]: trial["state"] for trial in document["trials"]}


JOBS = [pytest.param(None, id="one"), pytest.param(2, id="two", marks=missing("joblib"))]


@pytest.mark.parametrize("jobs", JOBS)
def test_a_repeat_that_fails_is_named_and_trained_again_next_time(lab: Lab, jobs: int | None) -> None:
    mark = lab.fail("repeat-1")
    outputs = lab.run(jobs=jobs)
    assert outputs.rerun.name == "rerun"
    assert outputs.repeats == ()
    # The last lines of the child hold paths of this machine, and a report goes to others.
    (note,) = outputs.notes
    assert note.startswith("repeat-1 could not be trained: the training process ended with code 1 after ")
    assert "\n" not in note
    assert len(cache.entries(cache.folder())) == 1
    mark.unlink()
    assert [output.name for output in lab.run(jobs=jobs).repeats] == ["repeat-1"]
    assert sorted(lab.trained) == ["repeat-1", "repeat-1", "rerun"]


def test_what_is_kept_is_no_progress(lab: Lab) -> None:
    """Three steps each of the rerun and its repeat; of what the cache holds there is nothing to wait for."""
    lab.run()
    assert lab.told == [(0, 6), (1, 6), (2, 6)]
    lab.told.clear()
    lab.run()
    assert lab.told == []
    lab.run(repeats=3)
    assert lab.told == [(0, 3), (1, 3)]


@pytest.mark.parametrize("jobs", JOBS)
def test_without_the_rerun_itself_there_is_nothing_to_say(lab: Lab, jobs: int | None) -> None:
    lab.fail("rerun")
    with pytest.raises(IncompleteError, match="ended with code 1") as raised:
        lab.run(jobs=jobs)
    assert raised.value.message.endswith("\nValueError: no")


@pytest.mark.parametrize("jobs", JOBS)
def test_time_that_is_up_costs_nothing_that_was_trained(lab: Lab, jobs: int | None) -> None:
    mark = lab.fail("repeat-1", how="hang")
    with pytest.raises(EndedEarlyError, match="did not finish"):
        lab.run(jobs=jobs, timeout=2.0)
    assert len(cache.entries(cache.folder())) == 1
    assert states(lab) == {"rerun": "complete", "repeat-1": "partial: it did not end"}
    mark.unlink()
    lab.run(jobs=jobs)
    assert sorted(lab.trained) == ["repeat-1", "repeat-1", "rerun"]


def controls(outputs: Outputs) -> Sequence[Trial]:
    """Three controls, as long as there are none; then a reading."""
    if not outputs.controls:
        return [Trial(f"control-{name}", CONTROL, name, {"seed": seed}) for seed, name in enumerate("abc", 1)]
    return () if outputs.hypotheses else [Trial("reading-1", HYPOTHESIS, "a reading", {"seed": 9})]


@pytest.mark.parametrize("jobs", JOBS)
def test_a_control_that_fails_leaves_the_others_and_what_comes_after(lab: Lab, jobs: int | None) -> None:
    lab.fail("control-b")
    outputs = lab.run(controls, jobs=jobs)
    assert [output.name for output in outputs.controls] == ["control-a", "control-c"]
    assert [output.name for output in outputs.hypotheses] == ["reading-1"]
    assert outputs.failed == ("control-b",)
    (note,) = outputs.notes
    assert note.startswith("control-b could not be trained: ")


def test_controls_that_all_fail_are_not_asked_for_again(lab: Lab) -> None:
    for name in "abc":
        lab.fail(f"control-{name}")
    outputs = lab.run(controls)
    assert len(outputs.notes) == 3
    assert [name for name in lab.trained if name.startswith("control")] == [
        "control-a",
        "control-b",
        "control-c",
    ]


@pytest.mark.parametrize("jobs", JOBS)
def test_time_that_is_up_among_controls_leaves_those_that_were_trained(lab: Lab, jobs: int | None) -> None:
    lab.fail("control-c", how="hang")
    outputs = lab.run(controls, jobs=jobs, timeout=4.0)
    assert [output.name for output in outputs.controls] == ["control-a", "control-b"]
    (note,) = outputs.notes
    assert note.startswith("not every control and other reading was trained: the rerun did not finish")
    assert [name for name, state in states(lab).items() if state != "complete"] == ["control-c"]
