"""All readers, found by walking this folder."""

from functools import cache, lru_cache

from auditor import discover
from auditor.artifacts._base import Artifact
from auditor.model import name_of


@cache
def readers() -> tuple[type[Artifact], ...]:
    """Every Artifact subclass with patterns that a public module of this folder defines, by module name."""
    found: list[type[Artifact]] = []
    for module in discover.modules("auditor.artifacts").values():
        found.extend(
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Artifact)
            and value.patterns
            and value.__module__ == module.__name__
        )
    return tuple(found)


def readers_of(path: str) -> tuple[type[Artifact], ...]:
    """The readers that read a file of that name."""
    return _by_name(name_of(path))


@lru_cache(maxsize=4096)
def _by_name(name: str) -> tuple[type[Artifact], ...]:
    return tuple(reader for reader in readers() if reader.matches(name))
