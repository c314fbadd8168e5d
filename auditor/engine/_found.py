"""Whether there was anything to audit: silence over an empty or a wrong folder must not read as a pass."""

from collections.abc import Sequence

from auditor.artifacts._readers import readers_of
from auditor.artifacts.git_attributes import GitAttributes
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.engine import _rules
from auditor.engine._side import Side
from auditor.model import Finding

_OF_ANY_REPOSITORY = frozenset({GitAttributes, ModelCard})
"""README.md and .gitattributes stand in every repository, and alone they are no model."""


def nothing(side: Side, live: Sequence[Finding]) -> bool:
    """Whether no file of a model or a training is in the snapshot: no known name, no declared recipe, no pickle.

    One file alone was named, and is something if its kind is known. A finding about safety means that there was
    something to load, whatever its name (``weights.dat``).
    """
    contents = side.contents
    asked_for = side.snapshot.kind == "file" and any(map(readers_of, side.snapshot.files))
    if dangerous(live) or asked_for:
        return False
    if (
        side.runs
        or contents.recipes
        or any(folder.all(PickleArchive) for folder in contents.folders.values())
    ):
        return False
    return not any(set(readers_of(path)) - _OF_ANY_REPOSITORY for path in side.snapshot.files)


def dangerous(findings: Sequence[Finding]) -> list[Finding]:
    """Those of the family ``safety``."""
    known = _rules.rules()
    return [f for f in findings if f.rule in known and known[f.rule].family == "safety"]
