"""How two adapters of one run relate, in one sentence."""

from collections.abc import Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.compare.pairs import compare_folders, weights_blob
from auditor.engine.inspect._options import NOT_ASKED
from auditor.model import AdapterComparison, Blob
from auditor.model.inspection import Relation
from auditor.runs import Folder, Run

Configs = tuple[AdapterConfig | None, AdapterConfig | None]
Compared = Mapping[tuple[str, str], AdapterComparison]
"""Comparisons of weight files by their paths."""


def relation(run: Run, one: Folder, two: Folder, numbers: bool, compared: Compared) -> Relation | None:
    """Two folders' adapters; None when one of them has no weight file. ``compared`` are those that were read."""
    left, right = weights_blob(run, one), weights_blob(run, two)
    if left is None or right is None:
        return None
    configs = one.one(AdapterConfig), two.one(AdapterConfig)
    if not numbers:
        found = by_digest(left, right, configs)
    else:
        found = compared.get((left.path, right.path)) or compare_folders(one, left, two, right)
    return Relation(one.path, two.path, sentence(found), found)


def by_digest(one: Blob, two: Blob, configs: Configs) -> AdapterComparison:
    """What digests alone say when no value of a tensor is to be read."""
    if is_equal(one, two, configs):
        return AdapterComparison(one.path, two.path, "identical", 0.0, 1.0, 1.0)
    why = NOT_ASKED
    if one.identity is not None and two.identity is not None and one.identity != two.identity:
        why = f"the files differ, and {NOT_ASKED}"
    return AdapterComparison(one.path, two.path, "not comparable", why=why)


def is_equal(one: Blob, two: Blob, configs: Configs) -> bool:
    """Whether digests and configurations tell that two adapters are equal."""
    same = configs[0] is not None and configs[1] is not None and configs[0].raw == configs[1].raw
    return same and one.identity is not None and one.identity == two.identity


def sentence(found: AdapterComparison) -> str:
    """The relation with its figures and its reasons, for people."""
    return f"{found.sentence}: {found.why}" if found.relation == "not comparable" else _with_why(found)


def _with_why(found: AdapterComparison) -> str:
    return f"{found.sentence}; {found.why}" if found.why else found.sentence
