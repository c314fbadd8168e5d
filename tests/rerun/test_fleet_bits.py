"""The same experiment, trained in every place: the same bits, files and verdict."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from auditor.rerun import cache
from auditor.rerun.fleet.where import parse
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_fleet import CLUSTER, missing
from tests.rerun.whole import experiment_of

pytestmark = pytest.mark.rerun
OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA, variation=False)
TIMES = ("events.out", "trainer_state.json", "training_args.bin")
"""Files that hold the time, the duration or the path of a training."""


def digests(folder: Path) -> dict[str, str]:
    """sha256 of everything that a training leaves, but what the clock decides."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(TIMES)
    }


def trained(folder: Path, where: str, jobs: int | None, **changed: object) -> tuple[Outputs, list[str]]:
    """Rerun and repeat over three steps; what was told on the way."""
    told: list[str] = []
    options = dataclasses.replace(OPTIONS, where=parse(where), jobs=jobs, **changed)  # type: ignore[arg-type]
    folder.mkdir()
    plan = v.plan_of_fixture(3)
    return experiment_of(plan, options, lambda *_: None, folder, "cpu", tell=told.append), told


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("local") / "kept"
        _, told = trained(folder, "local", None)
    assert told == []  # the progress says it all
    assert digests(folder / "rerun") == digests(folder / "repeat-1")
    assert len(digests(folder / "rerun")) > 5
    return folder


@pytest.mark.parametrize(
    ("where", "jobs", "repeats"),
    [
        pytest.param("local", 2, 2, id="jobs", marks=missing("joblib")),
        pytest.param("slurm:cluster=local", None, 2, id="slurm", marks=missing("submitit")),
        pytest.param(
            "slurm:cluster=debug",
            None,
            1,
            id="debug",
            marks=[missing("submitit"), pytest.mark.filterwarnings("ignore::ResourceWarning")],
        ),
        pytest.param("slurm:cpus_per_task=1", None, 2, id="cluster", marks=[missing("submitit"), CLUSTER]),
        pytest.param("ray:num_cpus=0.5", None, 2, id="ray", marks=missing("ray")),
    ],
)
def test_every_place_gives_the_bits_of_one_warm_child(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, jobs: int | None, repeats: int
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "kept"
    outputs, told = trained(folder, where, jobs, repeats=repeats)
    names = ["rerun", "repeat-1"][:repeats]
    for name in names:
        assert digests(folder / name) == digests(local / name)
    assert sorted(told) == sorted(f"{name}: 3 steps trained" for name in names)
    assert [output.name for output in outputs.repeats] == names[1:]  # the same machine: equal repeats
    assert not outputs.variations
    assert len(cache.entries(cache.folder())) == repeats
