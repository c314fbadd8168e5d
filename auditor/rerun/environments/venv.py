"""Environments with other releases of the training libraries, built with uv beside the torch that is installed.

Built once and kept in the cache, all or nothing, because somebody asked for it with ``--environment``: this is
the one place in auditor that reaches a network.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from auditor.errors import AuditError, IncompleteError, UsageError, extra
from auditor.rerun.environments import linked

SPACE = 1024 * 1024 * 1024
"""Bytes that must be free: transformers, peft and accelerate with what they need take 150 MB, old ones as much again
in uv's cache."""
KEPT = 6
"""Environments in the cache; the least recently used go first."""
TIMEOUT = 900.0
"""Seconds that uv may take for one step."""
ELSEWHERE = "without --environment, the rerun uses the releases installed here and says how they differ"
_DONE = "complete.json"
_TORCH_STAYS = "torch ; sys_platform == 'never'\n"
_FULL = ("No space left on device", "os error 28")
_UNREACHED = ("Failed to fetch", "error sending request", "dns error", "network was disabled", "timed out")
Tell = Callable[[str], None]


def build(wanted: Mapping[str, str], root: Path, tell: Tell) -> Path:
    """The Python of an environment with these releases, from the cache folder ``root`` or built there.

    Raises UsageError without uv, IncompleteError when the index does not offer a release or cannot be reached, or the
    disk is full.
    """
    target = root / key(wanted)
    if _is_whole(target):
        with suppress(OSError):
            os.utime(target / _DONE)
        return python_of(target)
    uv = find_uv()
    names = ", ".join(f"{name} {version}" for name, version in wanted.items())
    tell(f"building an environment with {names} beside torch {_torch()[0]} (once; it is kept in the cache)")
    try:
        root.mkdir(parents=True, exist_ok=True)
        _require_space(root)
        _make_room(root)
        with tempfile.TemporaryDirectory(dir=root, prefix=".new-", ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "environment"
            _make(uv, wanted, made)
            _move(made, target)
    except OSError as error:
        raise _failed(error.strerror or str(error)) from error
    return python_of(target)


def key(wanted: Mapping[str, str]) -> str:
    """The folder's name: a digest of the releases, of this Python and of the torch beside them."""
    parts = [sorted(wanted.items()), platform.python_version(), sys.base_prefix, _torch()]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
    return f"{'-'.join(f'{name}-{version}' for name, version in wanted.items())}-{digest}"


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def packages(folder: Path) -> Mapping[str, str]:
    """Every distribution that an environment's Python sees, by its canonical name, with its release."""
    found: dict[str, str] = {}
    for item in importlib.metadata.distributions(path=[str(_site(folder)), str(folder / "borrowed")]):
        found.setdefault(linked.canonical(item.name), item.version)
    return dict(sorted(found.items()))


def find_uv() -> str:
    """The program uv, beside this Python or on the path. Raises UsageError."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise UsageError(
            "an environment of other releases is built with uv, which is not here", "pip install uv"
        )
    return found


def _make(uv: str, wanted: Mapping[str, str], folder: Path) -> None:
    _run([uv, "venv", "-q", "--no-project", "--relocatable", "--python", sys.executable, str(folder)], wanted)
    overrides = folder / "overrides.txt"
    overrides.write_text(_TORCH_STAYS, encoding="utf-8")
    install = [uv, "pip", "install", "--python", str(python_of(folder)), "--override", str(overrides)]
    # Source packages would run somebody's build code, and old ones seldom build.
    install += ["--only-binary", ":all:"]
    _run([*install, *(f"{name}=={version}" for name, version in wanted.items())], wanted)
    linked.link(folder / "borrowed", _site(folder))
    releases = ", ".join(f"{name} {version}" for name, version in wanted.items())
    (folder / _DONE).write_text(json.dumps({"trial": "environment", "steps": releases}), encoding="utf-8")


def _move(made: Path, target: Path) -> None:
    """Put a finished environment in its place; one that somebody else finished meanwhile stays."""
    if target.exists() and not _is_whole(target):
        shutil.rmtree(target, ignore_errors=True)
    try:
        made.rename(target)
    except OSError:
        if not _is_whole(target):
            raise


def _is_whole(folder: Path) -> bool:
    """Whether an environment is complete and what it borrows is still there."""
    borrowed = folder / "borrowed"
    try:
        links = list(borrowed.iterdir())
    except OSError:
        return False
    return (folder / _DONE).is_file() and python_of(folder).exists() and all(item.exists() for item in links)


def _site(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _torch() -> tuple[str, str]:
    """The release of the torch installed here and its folder. Raises UsageError."""
    try:
        found = importlib.metadata.distribution("torch")
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError("a rerun needs torch, which this Python does not have", extra("rerun")) from error
    return found.version, str(found.locate_file("torch"))


def _run(command: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Run uv outside every project, whose own uv.toml or pyproject.toml could name another index."""
    outside = Path(sys.executable).anchor
    try:
        done = subprocess.run(
            command,
            cwd=outside,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(f"uv took longer than {TIMEOUT:,.0f} seconds") from error
    except KeyboardInterrupt:
        raise IncompleteError(
            "building the environment was interrupted", "run the same command again"
        ) from None
    if done.returncode:
        raise explained(done.stderr, wanted)


def _environment() -> dict[str, str]:
    """The user's own, whose UV_ variables may name an index, without what would lead uv to another environment."""
    dropped = (
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONPATH",
        "PYTHONHOME",
        "UV_PROJECT_ENVIRONMENT",
        "LD_PRELOAD",
    )
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


def explained(stderr: str, wanted: Mapping[str, str]) -> AuditError:
    """What uv said, in one sentence."""
    if any(mark in stderr for mark in _FULL):
        return _failed("the disk is full")
    for name, version in wanted.items():
        absent = (
            f"there is no version of {name}=={version}",
            f"{name} was not found in the package registry",
        )
        if any(mark in stderr for mark in absent) or f"{name}=={version} has no wheels" in stderr:
            return _failed(f"the package index does not offer {name} {version} for this Python")
    if any(mark in stderr for mark in _UNREACHED):
        return _failed("the package index cannot be reached")
    lines = [" ".join(line.split()) for line in stderr.splitlines() if line.strip()]
    said = [line.removeprefix("cause: ") for line in lines if line.startswith(("cause:", "error:"))]
    return _failed(said[-1] if said else (lines or ["uv failed"])[-1])


def _failed(why: str) -> IncompleteError:
    return IncompleteError(f"the environment could not be built: {why[:400]}", ELSEWHERE)


def _require_space(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < SPACE:
        raise IncompleteError(
            f"an environment needs {SPACE / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free in the cache",
            "free some space, or set AUDIT_CACHE_DIR to a larger disk",
        )


def _make_room(root: Path) -> None:
    """Remove the least recently used environments until one more may come."""
    kept = sorted(
        (path for path in root.iterdir() if (path / _DONE).is_file()),
        key=lambda path: (path / _DONE).stat().st_mtime,
        reverse=True,
    )
    abandoned = [path for path in root.glob(".new-*") if path.stat().st_mtime < time.time() - 4 * TIMEOUT]
    for path in (*kept[KEPT - 1 :], *abandoned):
        shutil.rmtree(path, ignore_errors=True)
