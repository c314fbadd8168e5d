"""What a shell completes: refs of the repository around here, names of rules and formats."""

from collections.abc import Iterable
from pathlib import Path

from auditor import discover


def refs(incomplete: str) -> list[str]:
    """Branches and tags that begin so; none outside of a repository."""
    from auditor.sources import _cat_file

    asked = _cat_file.run(
        Path(), "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes"
    )
    return _begun(asked.stdout.decode(errors="replace").split(), incomplete)


def rules(incomplete: str) -> list[str]:
    """Rules that begin so, by their files' names: none of them is imported."""
    return _begun(map(discover.rule_id, discover.below("auditor.checks")), incomplete)


def formats(incomplete: str) -> list[str]:
    """Formats of reports that begin so."""
    return _begun(discover.names("auditor.report"), incomplete)


def _begun(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
