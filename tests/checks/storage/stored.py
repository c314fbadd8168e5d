"""The healthy repository as git holds it, its large files behind pointers."""

from collections.abc import Iterator
from contextlib import contextmanager

from auditor.model import Snapshot
from auditor.sources import bundle
from tests.builders.repositories import TINY


@contextmanager
def healthy_in_git() -> Iterator[Snapshot]:
    """The branch ``candidate`` read from its bundle; usable inside the block."""
    with bundle.repository(TINY / "repo.bundle") as repository:
        resolved = repository.resolve("candidate")
        yield repository.snapshot("candidate", resolved.commits[0], resolved)
