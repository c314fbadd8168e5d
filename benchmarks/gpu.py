"""The rerun's child on one NVIDIA GPU: what repeats bit for bit, what does not, how long a step takes.

    python benchmarks/gpu.py FOLDER [steps]

Builds a randomly initialised model of the gemma-3-4b shape in FOLDER (8.6 GB), trains NF4 QLoRA (r 16, text targets,
two rows of 1,024 tokens a step, bf16) through the child as an audit does, and compares adapters and states tensor by
tensor. Prints a Markdown table; benchmarks/gpu.md holds what was measured and on which machine.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WORDS = (
    "the",
    "of",
    "a",
    "to",
    "in",
    "is",
    "and",
    "for",
    "that",
    "with",
    "as",
    "on",
    "by",
    "this",
    "be",
    "or",
)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RECIPE: dict[str, Any] = {
    "quantization": "int4",
    "compute_dtype": "bfloat16",
    "r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "target_modules": r".*language_model.*\.(" + "|".join(TARGETS) + ")",
    "task_type": "CAUSAL_LM",
    "packing": True,
    "block_size": 1024,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 2,
    "learning_rate": 2e-4,
    "warmup_steps": 1,
    "logging_steps": 1,
    "gradient_checkpointing": True,
    "attn_implementation": "eager",
}


def build_base(folder: Path) -> None:
    """A model of the exact gemma-3-4b shape with random weights, and the tiny fixture's tokenizer."""
    import torch
    import transformers

    text = {
        "vocab_size": 262208,
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 1024,
    }
    vision = {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 896,
        "patch_size": 14,
    }
    config = transformers.Gemma3Config(text_config=text, vision_config=vision)
    config.dtype = torch.bfloat16
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = transformers.Gemma3ForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder, max_shard_size="5GB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "fixtures" / "tiny" / "base" / name, folder / name)


def write_data(path: Path) -> None:
    """Rows of made-up words, enough tokens for any number of steps asked for."""
    import random

    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(400):
            stream.write(json.dumps({"text": " ".join(draw.choices(WORDS, k=300))}) + "\n")


def train(folder: Path, jobs: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Run jobs in one child; returns per job what it told: seconds a step, peak memory."""
    common = {"base": str(folder / "base"), "data": str(folder / "data.jsonl")}
    listed = [common | {"output": str(folder / "runs" / job["name"])} | job for job in jobs]
    order = folder / f"{name}.json"
    order.write_text(json.dumps({"version": 1, "threads": 1, "jobs": listed}))
    environment = {**os.environ, "PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    with (folder / f"{name}.err").open("w") as errors:
        done = subprocess.run(
            [sys.executable, str(ROOT / "auditor" / "rerun" / "child"), str(order)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            check=False,
        )
    if done.returncode:
        print(done.stdout[-500:], (folder / f"{name}.err").read_text()[-3000:])
        raise SystemExit(1)
    return told([json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")])


def told(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Seconds a step (the median after the first), peak memory and losses of each job."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] in ("imported", "retry"):
            found.setdefault(event["event"], event)
        job = found.setdefault(str(event.get("job", "")), {"at": [], "loss": []})
        if event["event"] == "step":
            job["at"].append(event["seconds"])
            job["loss"].append(event["loss"])
        if event["event"] == "done":
            job["peak"] = event["peak_bytes"]
            gaps = sorted(b - a for a, b in zip(job["at"], job["at"][1:], strict=False))
            job["step"] = gaps[len(gaps) // 2] if gaps else None
        if event["event"] == "loaded":
            job["loaded"] = event["seconds"]
    return found


def tensors(folder: Path, checkpoint: str) -> Mapping[str, Any]:
    """The adapter of one checkpoint as float64 arrays."""
    from safetensors.numpy import load_file

    found: Mapping[str, Any] = load_file(folder / "runs" / checkpoint / "adapter_model.safetensors")
    return found


def apart(folder: Path, one: str, two: str) -> str:
    """``476 of 476 tensors bit-equal``, or the relative distance of the effective updates."""
    import numpy

    a, b = tensors(folder, one), tensors(folder, two)
    equal = sum(a[name].tobytes() == b[name].tobytes() for name in a)
    if equal == len(a):
        return f"{equal} of {len(a)} tensors bit-equal"
    gap = norm = 0.0
    for name in a:
        if "lora_A" not in name:
            continue
        other = name.replace("lora_A", "lora_B")
        # |B1 A1 - B2 A2| through small products: trace((B^T B)(A A^T)) of the stacked factors.
        left = numpy.hstack([a[other], -b[other]]).astype(numpy.float64)
        right = numpy.vstack([a[name], b[name]]).astype(numpy.float64)
        gap += float(((left.T @ left) * (right @ right.T)).sum())
        one_b, one_a = a[other].astype(numpy.float64), a[name].astype(numpy.float64)
        norm += float(((one_b.T @ one_b) * (one_a @ one_a.T)).sum())
    return f"{(max(gap, 0.0) / norm) ** 0.5:.2e} away ({equal} of {len(a)} tensors bit-equal)"


def states_equal(folder: Path, one: str, two: str) -> str:
    """Whether the bytes of scheduler and generator states are equal."""
    words = []
    for name in ("scheduler.pt", "rng_state.pth"):
        import torch

        a, b = (torch.load(folder / "runs" / place / name, weights_only=False) for place in (one, two))
        same = repr(a) == repr(b)
        words.append(f"{name} {'equal' if same else 'other'}")
    return ", ".join(words)


def resumed(folder: Path, checkpoint: str, target: Path) -> None:
    """Write a checkpoint's states as an audit does: decoded by its readers, written afresh."""
    from auditor.model import Span
    from auditor.rerun.planning import resume
    from auditor.runs import group, read
    from auditor.sources import directory

    run, _, name = checkpoint.partition("/")
    target.mkdir(parents=True)
    found = group(read(directory.snapshot(folder / "runs" / run, name=run)), None)[0]
    resume.write(found, Span(4, 8, name), target, {})


def main(arguments: list[str]) -> int:
    """Build, train, compare, print."""
    folder, steps = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 8
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if not (folder / "base" / "config.json").exists():
        build_base(folder / "base")
    write_data(folder / "data.jsonl")
    print(f"base built in {time.monotonic() - started:.0f} s", flush=True)
    recipe = RECIPE | {"max_steps": steps, "save_steps": steps // 2}
    stop = {"stop_at": steps}
    first = train(
        folder,
        [
            {"name": "honest", "settings": recipe} | stop,
            {"name": "again", "settings": recipe} | stop,
            {"name": "kept", "settings": recipe, "drop_checkpointing": True} | stop,
            {"name": "bare", "settings": recipe, "drop_checkpointing": True, "digests": False} | stop,
            {"name": "rate", "settings": recipe | {"learning_rate": 2.02e-4}} | stop,
            {"name": "seed", "settings": recipe | {"seed": 43}} | stop,
            {"name": "paged", "settings": recipe | {"optim": "paged_adamw_8bit"}} | stop,
            {"name": "paged-again", "settings": recipe | {"optim": "paged_adamw_8bit"}} | stop,
            {"name": "sdpa", "settings": recipe | {"attn_implementation": "sdpa"}} | stop,
            {"name": "sdpa-again", "settings": recipe | {"attn_implementation": "sdpa"}} | stop,
        ],
        "warm",
    )
    half = f"checkpoint-{steps // 2}"
    fresh = {"name": "fresh", "settings": recipe, "drop_checkpointing": True} | stop
    parts = [
        {"start_at": steps // 2, "resume": str(folder / f"resume-{whole}"), "drop_checkpointing": True}
        | {"name": name, "settings": recipe | changed}
        | stop
        for whole, name, changed in (
            ("honest", "segment", {}),
            ("paged", "paged-segment", {"optim": "paged_adamw_8bit"}),
        )
    ]
    for whole in ("honest", "paged"):
        resumed(folder, f"{whole}/{half}", folder / f"resume-{whole}")
    second = train(folder, [fresh, *parts], "fresh")
    report(folder, first | second, steps)
    return 0


def report(folder: Path, told: Mapping[str, Mapping[str, Any]], steps: int) -> None:
    """The table, one line an experiment."""
    import torch

    last = f"checkpoint-{steps}"
    print(f"\n{torch.cuda.get_device_name(0)}, torch {torch.__version__}\n")
    print("| training | against | weights | s a step | peak GB |\n| --- | --- | --- | --- | --- |")
    for name, other in (
        ("honest", ""),
        ("again", "honest"),
        ("fresh", "honest"),
        ("segment", "honest"),
        ("kept", "honest"),
        ("bare", "kept"),
        ("rate", "honest"),
        ("seed", "honest"),
        ("paged", "honest"),
        ("paged-again", "paged"),
        ("paged-segment", "paged"),
        ("sdpa", "honest"),
        ("sdpa-again", "sdpa"),
    ):
        said = apart(folder, f"{name}/{last}", f"{other}/{last}") if other else ""
        job = told[name]
        step = f"{job['step']:.2f}" if job["step"] is not None else ""
        print(f"| {name} | {other} | {said} | {step} | {job['peak'] / 1e9:.1f} |")
    print()
    print("segment:", states_equal(folder, f"segment/{last}", f"honest/{last}"))
    print("imported after", told["imported"]["seconds"], "s; loaded after", told["honest"]["loaded"], "s")
    print("losses", [round(value, 4) for value in told["honest"]["loss"]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
