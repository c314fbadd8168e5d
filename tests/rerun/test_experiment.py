"""Real trainings on the tiny fixture: an honest run is identical, every falsified one is named by file and step.

One child trains the falsifier's runs; one experiment (rerun, repeat, variation) is made from the fixture's plan, and
every repository whose declared recipe is the fixture's is judged against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from auditor.claims import Ledger, build
from auditor.engine.audit import Options, look
from auditor.errors import IncompleteError, UsageError
from auditor.model import RerunResult, Verdict
from auditor.rerun import cache, runner
from auditor.rerun.environments import environment
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs
from auditor.rerun.session import rerun
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.whole import experiment_of

pytestmark = pytest.mark.rerun
MADE = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
"""What a falsifier replaces: everything training writes, but neither training_args.bin nor any declaration."""


@dataclass(frozen=True)
class Lab:
    """The experiment on the fixture's plan, and the folders of the falsifier's trainings by name."""

    outputs: Outputs
    options: RerunOptions
    trained: Path
    told: list[tuple[int, int]]

    def judged(self, files: v.Files) -> RerunResult:
        return judge(v.run_of(files), Ledger(".", {}), v.plan_of_fixture(), self.outputs)

    def repository(self, training: str, names: tuple[str, ...] = MADE, *, events: bool = False) -> v.Files:
        """The fixture with these files of another training in the place of its own."""
        files = v.committed() if events else v.without(v.committed(), v.event_path())
        for path in files:
            folder, _, name = path.rpartition("/")
            made = self.trained / training / folder / name
            if name in names and made.is_file():
                files[path] = made.read_bytes()
        return files


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")  # the fixture was trained on a CPU
        folder = tmp_path_factory.mktemp("experiment")
        options = RerunOptions(base=TINY_BASE, data=v.DATA)
        told: list[tuple[int, int]] = []
        plan = v.plan_of_fixture()
        with pytest.MonkeyPatch.context() as hostile:
            hostile.setenv("PYTHONPATH", canary(tmp_path_factory.mktemp("canary")))
            outputs = experiment_of(plan, options, lambda s, t, *_: told.append((s, t)), folder, "cpu")
        yield Lab(outputs, options, train(tmp_path_factory.mktemp("falsified")), told)


def canary(folder: Path) -> str:
    """A folder whose modules end whatever imports them: one of a library's name, one that Python runs as it starts."""
    for name in ("torch.py", "sitecustomize.py"):
        (folder / name).write_text("import os\nos._exit(7)\n")
    return str(folder)


def train(folder: Path) -> Path:
    """The falsifier's trainings: the fixture's recipe with one setting changed each, and once unchanged."""
    plan, inputs = v.plan_of_fixture(), Inputs.of(RerunOptions(base=TINY_BASE, data=v.DATA))
    changes: dict[str, dict[str, Any]] = {
        "honest": {},
        "rate": {"learning_rate": 1e-3},
        "seed": {"seed": 43},
        "accumulation": {"gradient_accumulation_steps": 1},
        "rank": {"r": 16, "lora_alpha": 32},
    }
    jobs = [job(name, folder / name, plan, inputs, **changed) for name, changed in changes.items()]
    runner.run_child(
        jobs,
        folder,
        environment=environment.variables(environment.inherited(), 1),
        threads=1,
        steps=18 * len(jobs),
        progress=lambda *_: None,
        timeout=300,
    )
    return folder


def diverged(result: RerunResult) -> set[tuple[str, str | None]]:
    return {(item.aspect, item.at) for item in result.aspects if item.verdict is Verdict.DIVERGED}


def comparable(result: RerunResult) -> set[Verdict]:
    return {item.verdict for item in result.aspects} - {Verdict.INCONCLUSIVE}


def test_an_honest_run_of_this_machine_is_identical_in_every_aspect(lab: Lab) -> None:
    result = lab.judged(lab.repository("honest"))
    assert comparable(result) == {Verdict.IDENTICAL}
    kinds = {item.aspect for item in result.aspects if item.verdict is Verdict.IDENTICAL}
    assert kinds == {"curve", "weights", "parameters", "optimizer", "scheduler", "rng", "state", "flops"}
    assert result.coverage is not None
    assert result.coverage["rows"] == 1.0
    assert result.repeats[0] == "the same settings: bit-equal"


def test_no_module_of_the_users_own_folders_trains(lab: Lab) -> None:
    """The experiment was made beside a torch.py on PYTHONPATH, which would have ended it."""
    assert "PYTHONPATH" in str(lab.outputs.environment["removed_variables"])


def test_the_fixture_is_identical_or_made_by_another_processor(lab: Lab) -> None:
    result = lab.judged(v.committed())
    assert result.verdict in (Verdict.IDENTICAL, Verdict.EQUIVALENT)
    assert diverged(result) == set()


def test_the_variation_moves_the_update_by_rounding_only(lab: Lab) -> None:
    result = lab.judged(v.committed())
    assert result.floor is not None
    # float32: other instruction sets were measured at 2.1e-6, other thread counts at up to 6.6e-4
    assert 0 < result.floor < 1e-3


def test_progress_counts_every_training(lab: Lab) -> None:
    assert lab.told == [(step, 54) for step in range(55)]  # 18 steps of rerun, repeat and variation


def test_another_learning_rate_is_found_at_its_first_step(lab: Lab) -> None:
    result = lab.judged(lab.repository("rate"))
    assert result.verdict is Verdict.DIVERGED
    assert {("weights", path) for path in v.WEIGHTS} <= diverged(result)
    assert result.first_divergence is not None
    assert result.first_divergence.step == 2  # warm-up begins at 0, so the rates of step 1 are equal
    assert result.first_divergence.says.startswith("learning_rate first differs at step 2")
    assert result.first_divergence.module is not None


def test_another_learning_rate_under_doctored_logs_is_found_by_the_loss(lab: Lab) -> None:
    honest = v.committed()
    files = lab.repository("rate")
    for path in ("checkpoint-9/scheduler.pt", "checkpoint-18/scheduler.pt"):
        files[path] = honest[path]

    def declared(row: dict[str, Any]) -> None:
        if "learning_rate" in row:
            step = row["step"] - 1  # linear warm-up over 2 steps to 2e-3, then linear decay to 0 at 18
            row["learning_rate"] = 2e-3 * (step / 2 if step < 2 else (18 - step) / 16)

    result = lab.judged(v.with_log(files, v.STATES, declared))
    assert {("curve", path) for path in v.STATES} <= diverged(result)
    assert result.first_divergence is not None
    # The rate of step 1 is 0 and the loss of step 2 comes before its update: step 3 is the first to show it.
    assert result.first_divergence.says.startswith("loss first differs at step 3")


def test_another_seed_is_found_at_the_first_step(lab: Lab) -> None:
    result = lab.judged(lab.repository("seed"))
    assert result.first_divergence is not None
    assert result.first_divergence.step == 1
    assert ("rng", "checkpoint-9/rng_state.pth") in diverged(result)
    why = next(item.why for item in result.aspects if item.aspect == "rng")
    assert why == "torch's generator is in another state (seed 43 for 42)"


def test_accumulation_that_was_not_applied(lab: Lab) -> None:
    result = lab.judged(lab.repository("accumulation"))
    found = {item.at: item.why for item in result.aspects if item.aspect == "state"}
    # 18 steps of one block out of 36 are half an epoch, 18 steps of two blocks a whole one
    assert found["checkpoint-18/trainer_state.json"] == (
        "epoch is 0.5, the rerun's 1.0: "
        "the data given makes fewer examples than the run had, or a step of it took fewer"
    )
    assert {"curve", "weights", "optimizer", "state"} <= {aspect for aspect, _ in diverged(result)}
    # No event file of this variant names the release, and releases count parameters differently.
    flops = [item.verdict for item in result.aspects if item.aspect == "flops"]
    assert set(flops) == {Verdict.INCONCLUSIVE}
    assert result.first_divergence is not None
    assert result.first_divergence.step == 1


def test_one_layer_zeroed(lab: Lab) -> None:
    def zero(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return array * 0 if "layers.1" in name else array

    files = lab.repository("honest")
    files["adapter_model.safetensors"] = v.with_tensors(files["adapter_model.safetensors"], zero)
    result = lab.judged(files)
    assert diverged(result) == {(kind, "adapter_model.safetensors") for kind in ("weights", "parameters")}
    assert result.first_divergence is not None
    assert "layers.1" in (result.first_divergence.module or "")


def test_noise_added_to_the_weights_afterwards(lab: Lab) -> None:
    files = v.scaled(lab.repository("honest"), 1e-4, ("adapter_model.safetensors",))
    assert diverged(lab.judged(files)) == {("weights", "adapter_model.safetensors")}


def test_an_edited_log(lab: Lab) -> None:
    def lower(row: dict[str, Any]) -> None:
        if row.get("step", 0) >= 12 and "loss" in row:
            row["loss"] *= 0.98

    result = lab.judged(v.with_log(lab.repository("honest"), ("trainer_state.json",), lower))
    assert diverged(result) == {("curve", "trainer_state.json")}
    assert result.first_divergence is not None
    assert result.first_divergence.step == 12


def test_the_optimizer_of_another_run(lab: Lab) -> None:
    files = lab.repository("honest")
    files["checkpoint-9/optimizer.pt"] = (lab.trained / "seed" / "checkpoint-9" / "optimizer.pt").read_bytes()
    assert diverged(lab.judged(files)) == {("optimizer", "checkpoint-9/optimizer.pt")}


def test_the_events_of_another_run(lab: Lab) -> None:
    result = lab.judged(lab.repository("seed", (), events=True))
    assert diverged(result) == set()  # the fixture's own events, beside its own files
    files = {**lab.repository("seed"), v.event_path(): v.committed()[v.event_path()]}
    kept = lab.judged(files)
    assert ("curve", v.event_path()) not in diverged(kept)
    assert ("curve", "trainer_state.json") in diverged(kept)


def test_an_edited_rank(lab: Lab) -> None:
    """The declared rank says 16 (with alpha, so that the scale is kept), the weights have 8."""
    files = v.committed()
    for path in (
        "adapter_config.json",
        "checkpoint-9/adapter_config.json",
        "checkpoint-18/adapter_config.json",
    ):
        files = v.with_json(files, path, lambda d: d.update(r=16, lora_alpha=32))
    made = {
        path.relative_to(lab.trained / "rank").as_posix(): path.read_bytes()
        for path in (lab.trained / "rank").rglob("*")
        if path.is_file()
    }
    outputs = replace(lab.outputs, rerun=v.output(made), repeats=(), variations=())
    run = v.run_of(files)
    result = judge(run, build(run), v.plan_of_fixture(), outputs)
    assert {("weights", path) for path in v.WEIGHTS} <= diverged(result)
    why = next(item.why for item in result.aspects if item.aspect == "weights")
    assert why.endswith(
        "has shape [8, 128], the recipe makes [16, 128]"
    )  # mlp.down_proj, intermediate_size 128


def test_evidence_of_the_same_release_does_not_excuse(lab: Lab) -> None:
    files = lab.repository("rate", events=True)
    side = look(v.snapshot(files), Options(base=TINY_BASE))
    assert side.ledgers["."].derived("transformers_version") is not None
    result = judge(side.runs[0], side.ledgers["."], v.plan_of_fixture(), lab.outputs)
    assert result.verdict is Verdict.DIVERGED


def test_the_same_question_is_not_trained_twice(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise IncompleteError("trained again")

    monkeypatch.setattr(runner.Child, "train", refuse)
    run = v.run_of(v.committed())
    found = rerun(run, build(run), lab.options)
    assert found.aspects == lab.judged(v.committed()).aspects
    with pytest.raises(IncompleteError, match="trained again"):
        rerun(run, build(run), replace(lab.options, threads=2))
    with pytest.raises(IncompleteError, match="trained again"):
        rerun(run, build(run), replace(lab.options, cache=False))
    assert len([path for path in cache.folder().iterdir() if not path.name.startswith(".")]) == 3


def test_lower_instructions_are_equivalent_over_a_prefix(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The honest run of this machine, judged as if by a machine of another kind."""
    other = environment.variation(1).variables["ATEN_CPU_CAPABILITY"]
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", other)
    keep = tmp_path / "kept"
    run = v.run_of(lab.repository("honest"))
    options = replace(lab.options, steps=9, span="prefix", repeats=1, cache=False, keep=keep)
    result = rerun(run, build(run), options)
    assert result.environment["cpu_capability"] == other.upper()
    assert result.verdict is Verdict.EQUIVALENT
    assert diverged(result) == set()
    weights = next(item for item in result.aspects if item.aspect == "weights")
    assert weights.at == "checkpoint-9/adapter_model.safetensors"
    assert weights.verdict is Verdict.EQUIVALENT
    assert result.plan.span == "prefix"
    assert {path.name for path in keep.iterdir()} == {"rerun", "variation", "experiment.json"}
    with pytest.raises(UsageError, match="is not empty"):
        rerun(run, build(run), options)
