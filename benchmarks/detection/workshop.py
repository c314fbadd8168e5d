"""Trains what the cases need, once: the results stay in a folder outside the repository, by the recipe's digest."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.detection.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
PINNED: Mapping[str, str] = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
MACHINES: Mapping[str, Mapping[str, str]] = {
    "here": {},
    "threads": {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder with the inputs and everything that was trained from them, by the modules of a set of cases."""

    folder: Path
    inputs: str = "benchmarks.detection.inputs"
    trainer: str = "benchmarks.detection.trainer"

    def of(self, recipe: Recipe) -> Path:
        """The folder that a recipe's training leaves."""
        return self.folder / "trained" / recipe.architecture / recipe.digest

    def prepare(self, architectures: Sequence[str]) -> None:
        """Write the inputs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run({}, self.inputs, ".", *architectures)

    def train(self, recipes: Iterable[Recipe]) -> int:
        """Train what is missing, one process for each kind of machine; returns how many were trained.

        Recipes of an architecture are trained under one name for all, so whoever else trains them here waits.
        """
        wanted = tuple(dict.fromkeys(recipes))
        with self._alone({recipe.architecture for recipe in wanted}):
            return self._train([recipe for recipe in wanted if not self.of(recipe).is_dir()])

    def _train(self, missing: Sequence[Recipe]) -> int:
        for machine, flags in MACHINES.items():
            mine = [recipe for recipe in missing if recipe.machine == machine]
            if mine:
                for recipe in mine:
                    self.of(recipe).parent.mkdir(parents=True, exist_ok=True)
                order = self.folder / f"order-{mine[0].architecture}-{machine}.json"
                items = [{"recipe": asdict(one), "output": str(self._relative(one))} for one in mine]
                order.write_text(json.dumps(items), encoding="utf-8")
                self._run(flags, self.trainer, order.name)
        return len(missing)

    @contextmanager
    def _alone(self, architectures: Iterable[str]) -> Iterator[None]:
        """Hold a lock for each architecture; a process that ends gives its locks back."""
        with ExitStack() as held:
            for name in sorted(architectures):
                lock = held.enter_context((self.folder / f".training-{name}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _relative(self, recipe: Recipe) -> Path:
        """Below the folder, because the Trainer writes the path into its files."""
        return self.of(recipe).relative_to(self.folder)

    def _run(self, flags: Mapping[str, str], module: str, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={**os.environ, **PINNED, **flags, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{module} failed\n{done.stderr[-3000:]}")
