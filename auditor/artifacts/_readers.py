"""All readers, found by walking this folder."""

from functools import cache

from auditor import discover
from auditor.artifacts._base import Artifact


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
    return tuple(reader for reader in readers() if reader.matches(path))
