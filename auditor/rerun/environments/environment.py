"""Where the training child runs: its interpreter and libraries, its environment variables, its disk."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import IncompleteError, UsageError, extra
from auditor.model import RerunPlan
from auditor.rerun.planning.trainers import COMMAND, TRAINERS
from auditor.runs import Run

LIBRARIES = ("torch", "transformers", "peft", "accelerate")
HINT = extra("rerun")
_PINNED: Mapping[str, str] = {
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_DISABLED": "true",
    "NVIDIA_TF32_OVERRIDE": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""CUBLAS_WORKSPACE_CONFIG is what torch asks for deterministic cuBLAS (use_deterministic_algorithms). Threads that wait
for each other by spinning were slower where other programs use the processor (20 s for 5, measured once)."""
_SECRETS = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD", "_CREDENTIALS")
_DROPPED = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_ENDPOINT",
    "LD_PRELOAD",
    "LD_AUDIT",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
)
ARITHMETIC = (
    *("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "TORCHDYNAMO_DISABLE"),
    "LD_LIBRARY_PATH",
)
"""Variables that choose kernels: kept as the user set them, part of what a finished run is known by."""
_CPU_FLAGS = Path("/proc/cpuinfo")
_MEMORY = Path("/proc/meminfo")
_HEADROOM = 64 * 1024 * 1024
"""Bytes on top of the checkpoints: tokenizer copies, states, logs."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Another way of computing the same thing on this machine; ``says`` names it for people."""

    name: str
    variables: Mapping[str, str]
    threads: int
    says: str


def variables(
    inherited: Mapping[str, str], threads: int, varied: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The child's environment: the user's, without secrets, with everything pinned that decides bits.

    CUDA_VISIBLE_DEVICES and the like stay as they are; threads 0 leaves the thread counts alone.
    """
    kept = {key: value for key, value in inherited.items() if not _is_dropped(key)}
    kept.update(_PINNED)
    if threads:
        kept.update(
            {key: str(threads) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        )
    kept.update(varied or {})
    return kept


def _is_dropped(key: str) -> bool:
    return key in _DROPPED or key.upper().endswith(_SECRETS)


def arithmetic(inherited: Mapping[str, str]) -> dict[str, str]:
    """The user's own variables that choose kernels."""
    return {key: inherited[key] for key in ARITHMETIC if key in inherited}


def variation(
    threads: int, capability: str | None = None, inherited: Mapping[str, str] | None = None
) -> Variation:
    """The stand-in for another machine: a lower instruction set and another thread count.

    ``capability`` is the native level as torch names it (default, avx2, avx512); None asks the processor. A
    level the user has set already counts as the native one.
    """
    native = (inherited or {}).get("ATEN_CPU_CAPABILITY", "").lower() or capability or native_capability()
    other = "avx2" if native == "avx512" else "default"
    count = 2 if threads == 1 else 1
    flags = {"ATEN_CPU_CAPABILITY": other, "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    return Variation(
        "variation", flags, count, f"{other} instructions and {count} thread{'s' if count > 1 else ''}"
    )


def native_capability(source: Path = _CPU_FLAGS) -> str:
    """``avx512``, ``avx2`` or ``default``, by the rule torch uses (aten/src/ATen/native/DispatchStub.cpp)."""
    try:
        text = source.read_text(encoding="ascii", errors="replace")
    except OSError:
        return "default"
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    flags = set(line.split())
    if {"avx512f", "avx512vl", "avx512bw", "avx512dq", "fma"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "default"


def processor(source: Path = _CPU_FLAGS) -> str:
    """The processor's own name, or the architecture where the system does not tell."""
    try:
        text = source.read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.machine()
    line = next((line for line in text.splitlines() if line.startswith("model name")), "")
    return line.partition(":")[2].strip() or platform.machine()


def gpus_of_system(folder: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """The names of this machine's GPUs as the NVIDIA driver lists them; none where it does not, or elsewhere."""
    found: list[str] = []
    for file in sorted(folder.glob("*/information")):
        try:
            lines = file.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            continue
        found.extend(line.partition(":")[2].strip() for line in lines if line.startswith("Model:"))
    return found


def libraries_of(plan: RerunPlan) -> tuple[str, ...]:
    """What the child of a plan imports; bitsandbytes only where the base is quantised."""
    quantization = plan.settings.get("quantization")
    quantised = quantization is not None and quantization.value is not None
    trainer = plan.settings.get("trainer")
    needed = TRAINERS[str(trainer.value)].needs if trainer is not None else ()
    if trainer is not None and trainer.value == COMMAND:
        return ()
    return (*LIBRARIES, *(("bitsandbytes",) if quantised else ()), *needed)


def versions(libraries: tuple[str, ...]) -> Mapping[str, str]:
    """The installed release of each library the child imports. Raises UsageError naming what is missing.

    Nothing is imported: installing is checked by metadata and by finding the module.
    """
    found: dict[str, str] = {}
    missing: list[str] = []
    for name in libraries:
        version = installed(name)
        if version is None or importlib.util.find_spec(name) is None:
            missing.append(name)
        else:
            found[name] = version
    if missing:
        raise UsageError(f"a rerun needs {', '.join(missing)}, which this Python does not have", HINT)
    return found


def installed(name: str) -> str | None:
    """The release of a library that this Python has; None without it."""
    import importlib.metadata  # a plan does without

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def space_needed(run: Run, plan: RerunPlan, trainings: int) -> int:
    """Bytes of disk: for each training its checkpoints, each weights and two moments as large; states to go on from."""
    sizes = [
        blob.size
        for name in (
            "adapter_model.safetensors",
            "adapter_model.bin",
            "model.safetensors",
            "pytorch_model.bin",
        )
        for _, blob in run.blobs(name)
        if blob.size is not None
    ]
    adapter = max(sizes, default=0)
    setting = plan.settings.get("save_steps")
    every = setting.value if setting is not None else None
    checkpoints = 1 + (int(plan.steps / every) if isinstance(every, int | float) and every >= 1 else 1)
    resumed = sum(part.resume is not None for part in plan.trained)
    return trainings * (adapter * (3 * checkpoints + 2) + _HEADROOM) + resumed * 3 * adapter


def require_space(folder: Path, needed: int) -> None:
    """Raises IncompleteError when the disk under ``folder`` has less free space than ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise IncompleteError(
            f"the rerun needs about {_megabytes(needed)} of scratch space, and {_megabytes(free)} are free",
            "free some space, or set TMPDIR to a larger disk",
        )


def require_memory(base: Path | None, source: Path = _MEMORY) -> None:
    """Raises IncompleteError when the base model's weights alone are larger than the memory that is free.

    Where the system does not tell, nothing is guessed. A base is loaded in the type it is stored in before it is
    quantised, shard by shard, so its largest file counts; a smaller machine dies without a word.
    """
    free = free_memory(source)
    sizes = [path.stat().st_size for path in base.glob("*.safetensors")] if base is not None else []
    needed = max(sizes, default=0)
    if free is not None and needed > free:
        raise IncompleteError(
            f"the base model needs {_megabytes(needed)} of memory at least, and {_megabytes(free)} are free",
            "free some memory, or rerun on a larger machine; no shorter span needs less",
        )


def free_memory(source: Path = _MEMORY) -> int | None:
    """MemAvailable of /proc/meminfo in bytes (proc(5)); None where there is none."""
    try:
        text = source.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith("MemAvailable:")), "")
    words = line.split()
    return int(words[1]) * 1024 if len(words) > 1 and words[1].isdigit() else None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def inherited() -> Mapping[str, str]:
    """This process' own environment."""
    return dict(os.environ)
