"""All platforms, found by walking this folder."""

import fnmatch
from functools import cache
from types import ModuleType

from auditor import discover
from auditor.model import Blob, name_of
from auditor.recipes._base import Recipe


@cache
def platforms() -> tuple[ModuleType, ...]:
    """Every platform module: it exports PLATFORM, FILES (name patterns) and read(blob) -> Recipe."""
    return tuple(discover.modules("auditor.recipes").values())


def read_recipe(path: str, blob: Blob) -> Recipe | None:
    """The recipe a file declares, or None when no platform knows a file of that name. Raises CannotRead."""
    for platform in platforms():
        if any(fnmatch.fnmatchcase(name_of(path), pattern) for pattern in platform.FILES):
            recipe: Recipe = platform.read(blob)
            return recipe
    return None


def is_recipe(path: str) -> bool:
    """Whether some platform declares its training in a file of that name."""
    return any(fnmatch.fnmatchcase(name_of(path), pattern) for p in platforms() for pattern in p.FILES)
