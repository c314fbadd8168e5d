"""What of the user's own settings reaches the Python that trains: nothing that could change what it computes.

A name put before the libraries (a ``torch.py``, a ``sitecustomize.py`` in a folder of ``PYTHONPATH``) would train
something else than the releases that the report names.
"""

import importlib.metadata
import os
import re
import site
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_KEPT = ("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE")
"""Of Python's own variables: the first two say where this very Python finds its standard library, without which an
embedded one does not start; the others change no arithmetic. Not kept, for example, is PYTHONOPTIMIZE, which strips
assertions from the libraries, and PYTHONWARNINGS, which imports the module of the class that it names."""
_LOADED = ("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES")
"""Libraries put before those of torch (ld.so(8), dyld(1)). LD_LIBRARY_PATH stays: many machines find CUDA by it."""
_PARALLEL = re.compile(
    r"(ACCELERATE|FSDP|PARALLELISM_CONFIG|MEGATRON_LM|TORCHELASTIC|OMPI_COMM_WORLD|PMI|MV2_COMM_WORLD)_.*"
    r"|RANK|LOCAL_RANK|GROUP_RANK|NODE_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|MASTER_ADDR|MASTER_PORT"
)
"""What launchers leave for Accelerate, which then trains in another precision or as one process of several (accelerate
1.15.0, state.py and utils/environment.py; transformers 4.51.3, training_args.py, reads ACCELERATE_MIXED_PRECISION)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def isolated(inherited: Mapping[str, str], libraries: Iterable[str]) -> dict[str, str]:
    """The variables of a child that imports ``libraries``, which are installed for this Python.

    Of ``PYTHONPATH`` and the user's own site-packages stays only where one of these libraries, or something that it
    requires, is installed.
    """
    kept = {name: value for name, value in inherited.items() if not _changes_training(name)}
    asked = inherited.get("PYTHONPATH", "").split(os.pathsep)
    user = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    places = set(_places(libraries)) if any(asked) or user is not None else set()
    entries = [entry for entry in asked if Path(entry).is_absolute() and Path(entry).resolve() in places]
    if entries:
        kept["PYTHONPATH"] = os.pathsep.join(entries)
    if user is None or Path(user).resolve() not in places:
        kept["PYTHONNOUSERSITE"] = "1"
    elif "PYTHONUSERBASE" in inherited:
        kept["PYTHONUSERBASE"] = inherited["PYTHONUSERBASE"]
    return kept


def removed(inherited: Mapping[str, str], kept: Mapping[str, str]) -> tuple[str, ...]:
    """The names, sorted, of variables that could change what is trained and do not reach the child as they were.

    Values are left out: they are paths of a machine.
    """
    return tuple(
        sorted(name for name in inherited if _changes_training(name) and kept.get(name) != inherited[name])
    )


def _changes_training(name: str) -> bool:
    pythons = name.startswith("PYTHON") and name not in _KEPT
    return pythons or name in _LOADED or _PARALLEL.fullmatch(name) is not None


def _places(libraries: Iterable[str]) -> Iterator[Path]:
    """The folders in which libraries are installed, and everything that they require.

    By metadata, as `importlib.metadata` finds it: a module without it is no installed library.
    """
    left, seen = list(libraries), set[str]()
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
        yield Path(str(found.locate_file(""))).resolve()
        left.extend(_required(found.requires or ()))


def _required(lines: Iterable[str]) -> Iterator[str]:
    """The names in Requires-Dist (packaging.python.org, core metadata), without those of extras."""
    for line in lines:
        named = _NAME.match(line)
        if named is not None and "extra ==" not in line:
            yield named[0].lower()
