"""On a GPU: every trainer makes an honest run again bit for bit, twice, and names one at twice the rate.

The runs are those of scripts in the style of the libraries' own examples, by processes of their own, and `audit rerun`
is asked. AUDIT_TEST_DEVICE=cpu runs the same where there is no GPU.
"""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor.rerun.environments import environment
from tests.builders.command import audit
from tests.rerun import tiny_llama

DEVICE = os.environ.get("AUDIT_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"
    ),
]
SCRIPTS = Path(__file__).with_name("scripts")
RATE = 2e-3
PINNED = (
    "import runpy, sys, torch; torch.use_deterministic_algorithms(True, warn_only=True); torch.set_num_threads(1); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a script pinned as the rerun's child is: what another run keeps of its bits is not asked here."""
KINDS: dict[str, tuple[str, ...]] = {
    "reference": ("finetune.py",),
    "full": ("finetune.py", "--lora_r", "0"),
    "sft": ("preferences.py", "sft"),
    "dpo": ("preferences.py", "dpo"),
}
NEEDS_TRL = ("sft", "dpo")


@dataclass(frozen=True)
class Lab:
    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "base"

    def data(self, kind: str) -> Path:
        return self.folder / ("pairs.jsonl" if kind == "dpo" else "rows.jsonl")

    def surroundings(self) -> dict[str, str]:
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if DEVICE == "cpu" else {}
        return dict(environment.variables({**os.environ, **hidden}, 1))

    def train(self, name: str, kind: str, rate: float) -> Path:
        """Run the script of a kind into a folder; a user's own command runs as it is."""
        pinned, (script, *more) = kind != "command", KINDS.get(kind, ("finetune.py",))
        given = ["--model_name_or_path", str(self.base), "--train_file", str(self.data(kind))]
        given += ["--output_dir", str(self.folder / name), "--learning_rate", str(rate)]
        start = [sys.executable, "-c", PINNED] if pinned else [sys.executable]
        done = subprocess.run(
            [*start, str(SCRIPTS / script), *more, *given],
            env=self.surroundings(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return self.folder / name

    def honest(self, kind: str) -> Path:
        """A run as it is declared, trained once."""
        folder = self.folder / kind
        return folder if folder.exists() else self.train(kind, kind, RATE)

    def forged(self, kind: str, honest: Path) -> Path:
        """A run at twice the rate under the arguments of the honest one."""
        made = self.train(f"{kind}-forged", kind, 2 * RATE)
        for path in made.rglob("training_args.bin"):
            shutil.copy(honest / path.relative_to(made), path)
        return made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    made = Lab(tmp_path_factory.mktemp("trainers"))
    with tiny_llama.as_in_a_child():
        tiny_llama.make_base(made.base)
    tiny_llama.make_rows(made.data("sft"))
    tiny_llama.make_pairs(made.data("dpo"))
    return made


def rerun(lab: Lab, capsys: pytest.CaptureFixture[str], folder: Path, kind: str, *more: str) -> Any:
    """What `audit rerun` says of a folder, trained anew."""
    given = ("--base", str(lab.base), "--data", str(lab.data(kind)), "--no-cache", "--format", "json")
    done = audit(capsys, "rerun", str(folder), *given, *more)
    assert done.out, done.err
    return json.loads(done.out)["rerun"]


def assert_identical(result: Any, trainer: str) -> None:
    assert result["plan"]["settings"]["trainer"]["value"] == trainer
    assert result["verdict"] == "identical"
    judged = {item["verdict"] for item in result["aspects"] if item["aspect"] == "weights"}
    assert judged == {"identical"}
    if trainer != "command":
        assert (result["environment"]["device"] == "cpu") == (DEVICE == "cpu")


@pytest.fixture
def own_cache(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(lab.folder / "cache"))


def require(kind: str) -> None:
    if kind in NEEDS_TRL and importlib.util.find_spec("trl") is None:
        pytest.skip("TRL is not installed")


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_run_is_identical_twice(lab: Lab, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    require(kind)
    honest = lab.honest(kind)
    for _ in range(2):
        assert_identical(rerun(lab, capsys, honest, kind), "reference" if kind == "full" else kind)


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_at_twice_the_declared_rate_diverged(
    lab: Lab, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    require(kind)
    result = rerun(lab, capsys, lab.forged(kind, lab.honest(kind)), kind)
    assert result["verdict"] == "diverged"


COMMAND = (
    f"{shlex.quote(sys.executable)} {shlex.quote(str(SCRIPTS / 'finetune.py'))} --model_name_or_path {{base}} "
    "--train_file {data} --output_dir {output} --seed {seed} --max_steps {max_steps} --stop_at {stop_at}"
)


@pytest.mark.usefixtures("own_cache")
def test_a_script_of_the_users_own_is_identical(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """Once: each of the three trainings of a rerun is a process of its own already."""
    honest = lab.honest("command")
    assert_identical(rerun(lab, capsys, honest, "command", "--command", COMMAND), "command")


@pytest.mark.usefixtures("own_cache")
def test_a_script_at_twice_the_declared_rate_diverged(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    forged = lab.forged("command", lab.honest("command"))
    result = rerun(lab, capsys, forged, "command", "--command", COMMAND)
    assert result["verdict"] == "diverged"
