"""Finished reruns, kept by the digest of everything that decides their bits, outside every repository."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError

LIMIT = 2 * 1024 * 1024 * 1024
"""Bytes of all cached reruns together; the least recently used go first. One above half of it is not kept."""
_DONE = "complete.json"
_CHILD = Path(__file__).with_name("child")
_DRIVER = Path("/proc/driver/nvidia/version")


def folder(environment: Mapping[str, str] | None = None) -> Path:
    """AUDIT_CACHE_DIR, else the platform's cache folder, with ``auditor/reruns`` below."""
    known = os.environ if environment is None else environment
    if known.get("AUDIT_CACHE_DIR"):
        return Path(known["AUDIT_CACHE_DIR"]) / "reruns"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "auditor" / "reruns"
    if sys.platform == "win32" and known.get("LOCALAPPDATA"):
        return Path(known["LOCALAPPDATA"]) / "auditor" / "reruns"
    return Path(known.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor" / "reruns"


def environments() -> Path:
    """The folder of recorded environments, beside that of the reruns."""
    return folder().with_name("environments")


def key(question: Mapping[str, object]) -> str:
    """The digest of a question: what is asked (with the inputs' digests), the child's own code, the driver."""
    digest = hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode())
    for source in sorted(_CHILD.rglob("*.py")):
        digest.update(source.read_bytes())
    with suppress(OSError):
        digest.update(_DRIVER.read_bytes())
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """sha256 of a file, or of the relative names and digests of a folder's files; hidden ones do not count.

    Raises UsageError when something cannot be read.
    """
    try:
        if path.is_file():
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        listing = hashlib.sha256()
        for file in _files(path):
            listing.update(f"{file.relative_to(path).as_posix()}\0{digest_of(file)}\n".encode())
        return listing.hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check --base and --data") from error


def _files(path: Path) -> Iterable[Path]:
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def find(name: str, root: Path) -> Path | None:
    """The folder of a finished rerun, marked as used now; None when there is none."""
    found = root / name
    if not (found / _DONE).is_file():
        return None
    with suppress(OSError):
        os.utime(found / _DONE)
    return found


def store(
    name: str,
    outputs: Path,
    root: Path,
    limit: int = LIMIT,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Copy a finished rerun into the cache, all or nothing; a full or read-only disk only means no cache."""
    size = _size(outputs)
    if size > limit // 2 or find(name, root) is not None:
        return
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        _make_room(root, limit - size)
        with tempfile.TemporaryDirectory(dir=root, prefix=".new-", ignore_cleanup_errors=True) as scratch:
            copy = Path(scratch) / name
            shutil.copytree(outputs, copy)
            (copy / _DONE).write_text(json.dumps({"size": size, **(facts or {})}), encoding="utf-8")
            copy.rename(root / name)


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished training in the cache: its key, its bytes, the second it was last used, what it was."""

    name: str
    size: int
    used: float
    facts: Mapping[str, object]


def entries(root: Path) -> tuple[Entry, ...]:
    """What the cache holds, the last used first; nothing where there is no cache."""
    found: list[Entry] = []
    with suppress(OSError):
        for path in root.iterdir():
            with suppress(OSError, ValueError):
                facts = json.loads((path / _DONE).read_text(encoding="utf-8"))
                found.append(Entry(path.name, _size(path), (path / _DONE).stat().st_mtime, facts))
    return tuple(sorted(found, key=lambda entry: -entry.used))


def clear(root: Path) -> tuple[int, int]:
    """Remove every finished training; returns how many there were, and their bytes."""
    known = entries(root)
    for entry in known:
        shutil.rmtree(root / entry.name, ignore_errors=True)
    return len(known), sum(entry.size for entry in known)


def _make_room(root: Path, room: int) -> None:
    """Remove the least recently used until the rest fits into ``room`` bytes."""
    kept = [path for path in root.iterdir() if (path / _DONE).is_file()]
    kept.sort(key=lambda path: (path / _DONE).stat().st_mtime, reverse=True)
    used = 0
    for path in kept:
        used += _size(path)
        if used > room:
            shutil.rmtree(path, ignore_errors=True)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
