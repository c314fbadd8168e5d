"""The GPUs that children may be given on this machine, one each."""

import subprocess
from collections.abc import Mapping

from auditor.rerun.fleet.order import CUDA

_SECONDS = 20.0


def gpus(variables: Mapping[str, str]) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES would be for each GPU: its own entries, else the numbers that CUDA counts by."""
    given = variables.get(CUDA)
    if given is not None:
        return tuple(item.strip() for item in given.split(",") if item.strip() not in ("", "-1"))
    return tuple(str(number) for number in range(len(names())))


def names() -> tuple[str, ...]:
    """The name of every GPU that this machine has, as nvidia-smi tells it; none without it."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip())
