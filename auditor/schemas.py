"""The JSON Schemas we read and write: beside the package in a checkout, inside it in a wheel."""

import json
from pathlib import Path

from auditor.errors import UsageError

_SUFFIX = ".schema.json"


def names() -> tuple[str, ...]:
    """Every schema's name, sorted: ``report-v1`` for ``report-v1.schema.json``."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in _folder().glob("*" + _SUFFIX)))


def load(name: str) -> dict[str, object]:
    """One schema by name. Raises UsageError, which lists the known names."""
    if name not in names():
        raise UsageError(f"there is no schema called {name!r}", f"known schemas: {', '.join(names())}")
    text = (_folder() / (name + _SUFFIX)).read_text(encoding="utf-8")
    schema: dict[str, object] = json.loads(text)
    return schema


def _folder() -> Path:
    """The packaged copy first: beside an installed package, ``schemas`` may belong to somebody else."""
    package = Path(__file__).parent
    packaged = package / "_schemas"
    return packaged if packaged.is_dir() else package.parent / "schemas"
