"""The machine that trains: what is pinned on it, and what of it decides the bits of a run."""

import platform
import sys
from pathlib import Path

from .job import Settings
from .libraries import PATCHED, torch
from .steplog import host_facts


def pin_machine(threads: int) -> None:
    """Fixes thread counts and asks for deterministic algorithms where they exist (others only warn)."""
    if threads:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def environment(settings: Settings) -> dict[str, object]:
    """Returns what decides the bits of a run besides its recipe and inputs."""
    cuda = torch.cuda.is_available()
    return host_facts() | {
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
        "devices": torch.cuda.device_count() if cuda else 0,
        "cuda": torch.version.cuda if cuda else None,
        "driver": driver() if cuda else None,
        "processor": processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "allow_tf32": torch.backends.cuda.matmul.allow_tf32,
        "seed": settings.seed,
        "attn_implementation": settings.attn_implementation,
        "patches": list(PATCHED),
    }


def processor(source: Path = Path("/proc/cpuinfo")) -> str:
    """Returns the processor's own name, or the architecture where the system does not tell."""
    try:
        text = source.read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.machine()
    line = next((line for line in text.splitlines() if line.startswith("model name")), "")
    return line.partition(":")[2].strip() or platform.machine()


def driver(source: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Returns the release of the NVIDIA kernel module, as its first line names it; None without one."""
    try:
        words = source.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return None
    return next((word for word in words if word[0].isdigit() and "." in word), None)


def peak_resident(source: Path = Path("/proc/self/status")) -> int | None:
    """Returns the most memory, in bytes, that this process had at a time; None where the system does not tell.

    VmHWM (proc(5)) begins with the program. ru_maxrss (getrusage(2)) counts what the parent had as it started this one.
    """
    try:
        lines = source.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_bytes() -> int | None:
    """Returns the most GPU memory that tensors took since the last call; None without a GPU."""
    if not torch.cuda.is_available():
        return None
    peak = int(torch.cuda.max_memory_allocated())
    torch.cuda.reset_peak_memory_stats()
    return peak
