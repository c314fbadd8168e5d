"""What a recorded environment borrows from this one: torch and what torch needs, as links, and nothing else.

The running transformers, peft and what came with them stay invisible, so that an old release never meets a new one.
"""

import importlib.metadata as metadata
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOTS = ("torch", "bitsandbytes", "pandas", "pyarrow", "sentencepiece", "protobuf")
"""torch and bitsandbytes are built for this machine; the others read data and old tokenizers."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"\bextra\s*==")
_SKIPPED = ("..", "__pycache__")


def link(folder: Path, site: Path) -> None:
    """Fill ``folder`` with links to ROOTS and their requirements, and append it to the path of ``site``.

    ``site`` is the environment's site-packages: what is installed there is not linked, and comes first on its path.
    Raises OSError.
    """
    folder.mkdir()
    own = {canonical(item.name) for item in metadata.distributions(path=[str(site)])}
    for item in closure(ROOTS):
        if canonical(item.name) in own:
            continue
        for top in _tops(item):
            target = folder / top.name
            if not target.is_symlink():
                target.symlink_to(top)
    # site.py reads a line of a .pth file relative to the folder that holds the file, and appends it to sys.path.
    (site / "borrowed.pth").write_text(f"{os.path.relpath(folder, site)}\n", encoding="utf-8")


def closure(roots: Iterable[str]) -> Iterator[metadata.Distribution]:
    """The installed distributions of ``roots`` and of everything they require without extras."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = canonical(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield found
        for line in found.requires or ():
            match = _NAME.match(line)
            if match and not _EXTRA.search(line):
                waiting.append(match[0])


def canonical(name: str) -> str:
    """The name by which an index knows a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _tops(item: metadata.Distribution) -> Iterator[Path]:
    """Folders and modules at the top of site-packages that a distribution installed."""
    names = {file.parts[0] for file in item.files or ()}
    for name in sorted(names):
        if name not in _SKIPPED and not name.endswith(".pth"):
            yield Path(str(item.locate_file(name))).resolve()
