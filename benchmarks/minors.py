"""How far apart do two minor releases of transformers train the same recipe? Needs uv and a package index.

    python benchmarks/minors.py [release ...]

A tiny random Llama, LoRA, three recipes of 12 optimizer steps on the CPU; each release is installed beside the torch
that is here, as ``--environment recorded`` does it, and held against the release that is installed here. Printed is the
relative distance of the first loss and gradient norm that are logged, of the effective update and of the moments after
12 steps, and whether torch's generator is in the same state then. Environments are kept in build/minors, or $MINORS.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from auditor.errors import IncompleteError  # noqa: E402 - the path comes first
from auditor.model import Setting, Span  # noqa: E402
from auditor.rerun import runner  # noqa: E402
from auditor.rerun.environments import environment, venv  # noqa: E402
from auditor.rerun.environments.interpreter import Interpreter  # noqa: E402
from auditor.rerun.jobs import Inputs, job  # noqa: E402
from auditor.rerun.judging.curve_gap import curves_of  # noqa: E402
from auditor.rerun.judging.gaps import Pair, relative, repeated_pairs  # noqa: E402
from auditor.rerun.judging.scale import to_rerun  # noqa: E402
from auditor.rerun.judging.states_gap import optimizer_gap, rng_gap  # noqa: E402
from auditor.rerun.options import RerunOptions  # noqa: E402
from auditor.rerun.outputs import Output, read_output  # noqa: E402
from auditor.rerun.trials import RERUN, Trial  # noqa: E402
from tests.rerun import variants as v  # noqa: E402
from tests.rerun.tiny_llama import make_base, make_rows  # noqa: E402

RELEASES: Mapping[str, Mapping[str, str]] = {
    "4.44.2": {"peft": "0.12.0", "accelerate": "0.33.0"},
    "4.45.2": {"peft": "0.13.0", "accelerate": "1.0.1"},
    "4.46.3": {"peft": "0.13.2", "accelerate": "1.1.1"},
    "4.48.3": {"peft": "0.14.0", "accelerate": "1.2.1"},
    "4.51.3": {"peft": "0.15.2", "accelerate": "1.6.0"},
    "4.53.3": {"peft": "0.16.0", "accelerate": "1.8.1"},
    "4.57.1": {"peft": "0.17.1", "accelerate": "1.11.0"},
    "5.0.0": {"peft": "0.18.1", "accelerate": "1.12.0"},
    "5.8.0": {},
    "5.15.0": {},
    "5.20.0": {},
    "5.24.0": {},
}
"""With the peft and accelerate of the day; from 5.8 on those that are installed here."""
STEPS = 12
PLAIN: Mapping[str, object] = {
    "trainer": "reference",
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "target_modules": ["q_proj", "v_proj", "down_proj"],
    "task_type": "CAUSAL_LM",
    "text_column": "text",
    "add_eos_token": False,
    "max_length": 64,
    "block_size": None,
    "packing": False,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "learning_rate": 2e-3,
    "lr_scheduler_type": "linear",
    "warmup_steps": 2,
    "warmup_ratio": None,
    "max_steps": STEPS,
    "num_train_epochs": 1.0,
    "logging_steps": 1,
    "save_steps": STEPS,
    "seed": 42,
    "quantization": None,
    "compute_dtype": "float32",
}
RECIPES: Mapping[str, Mapping[str, object]] = {
    "float32": {},
    "bfloat16": {"compute_dtype": "bfloat16"},
    "one micro-batch": {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1},
    "NF4": {"quantization": "int4"},
}


def python_of(release: str) -> Interpreter:
    """The Python with a release; built once and kept in the folder for environments."""
    here = {name: found for name in environment.LIBRARIES if (found := environment.installed(name))}
    wanted = {name: here[name] for name in ("peft", "accelerate")} | {"transformers": release}
    wanted |= RELEASES.get(release, {})
    folder = Path(os.environ.get("MINORS", ROOT / "build" / "minors"))
    python = venv.build(wanted, folder, lambda says: print(f"# {says}", file=sys.stderr, flush=True))
    return Interpreter(python, wanted, wanted)


def trained(python: Interpreter, folder: Path, base: Path, data: Path) -> dict[str, Output]:
    """The output of each recipe; raises IncompleteError where the release cannot train it."""
    plan = v.plan_of_fixture()
    inputs = Inputs.of(RerunOptions(base=base, data=data))
    orders = []
    for name, changes in RECIPES.items():
        settings = {key: Setting(value, "benchmark") for key, value in {**PLAIN, **changes}.items()}
        made = replace(plan, settings=settings)
        orders.append(job(name, folder / name.replace(" ", "-"), made, inputs, Span(0, STEPS)))
    folder.mkdir()
    runner.run_child(
        orders,
        folder,
        environment=environment.variables(python.variables({**os.environ, "CUDA_VISIBLE_DEVICES": ""}), 1),
        threads=1,
        steps=STEPS * len(orders),
        progress=lambda *_: None,
        command=python.command,
    )
    return {
        name: read_output(Trial(name, RERUN), [(Span(0, STEPS), folder / name.replace(" ", "-"))])
        for name in RECIPES
    }


def main(releases: list[str]) -> int:
    """Print a line for each release and recipe."""
    with tempfile.TemporaryDirectory(prefix="minors-") as scratch:
        folder = Path(scratch)
        base, data = make_base(folder / "base"), make_rows(folder / "rows.jsonl", 2 * STEPS * 2)
        here = Interpreter(Path(sys.executable), environment.versions(environment.LIBRARIES))
        ours = trained(here, folder / "here", base, data)
        print(f"against transformers {here.versions['transformers']}, peft {here.versions['peft']}")
        print("release   recipe            first loss  first grad_norm   update  moments  generator")
        for release in releases or RELEASES:
            try:
                theirs = trained(python_of(release), folder / release, base, data)
            except IncompleteError as error:
                print(f"{release:9} {error.message.splitlines()[-1][:90]}", flush=True)
                continue
            for name in RECIPES:
                print(f"{release:9} {name:17} {compared(theirs[name], ours[name])}", flush=True)
    return 0


def compared(theirs: Output, ours: Output) -> str:
    """A line of the table."""
    one, two = curves_of(theirs), curves_of(ours)
    first = [relative(one[tag][0][1], two[tag][0][1]) for tag in ("loss", "grad_norm")]
    last: Pair = next(pair for pair in repeated_pairs(theirs, ours) if pair.step == STEPS)
    moments, generator = optimizer_gap(last), rng_gap(last)
    assert moments is not None
    assert generator is not None
    drawn = "same" if generator.distance == 0 else "other"
    apart = to_rerun(theirs, ours)
    return f"{first[0]:10.2g}  {first[1]:15.2g} {apart:8.2g} {moments.distance:8.2g}  {drawn}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
