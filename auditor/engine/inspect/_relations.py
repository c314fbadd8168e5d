"""How two adapters of one run relate, in one sentence."""

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.pairs import compare_folders, weights_blob
from auditor.engine.inspect._options import NOT_ASKED
from auditor.model import AdapterComparison, Blob
from auditor.model.inspection import Relation
from auditor.runs import Folder, Run


def relation(
    run: Run,
    one: Folder,
    two: Folder,
    weights: tuple[AdapterWeights | None, AdapterWeights | None],
    numbers: bool,
) -> Relation | None:
    """Two folders' adapters; None when one of them has no weight file. ``weights`` may be held in memory."""
    left, right = weights_blob(run, one), weights_blob(run, two)
    if left is None or right is None:
        return None
    configs = one.one(AdapterConfig), two.one(AdapterConfig)
    if not numbers:
        found = by_digest(left, right, configs)
    elif weights[0] is None or weights[1] is None or configs[0] is None or configs[1] is None:
        found = compare_folders(run, one, left, run, two, right)
    elif _equal(left, right, configs):
        found = AdapterComparison(left.path, right.path, "identical", 0.0, 1.0, 1.0)
    else:
        from auditor.compare.adapters import compare

        found = compare(weights[0], configs[0], weights[1], configs[1])
    return Relation(one.path, two.path, sentence(found), found)


Configs = tuple[AdapterConfig | None, AdapterConfig | None]


def by_digest(one: Blob, two: Blob, configs: Configs) -> AdapterComparison:
    """What digests alone say when no value of a tensor is to be read."""
    if _equal(one, two, configs):
        return AdapterComparison(one.path, two.path, "identical", 0.0, 1.0, 1.0)
    why = NOT_ASKED
    if one.identity is not None and two.identity is not None and one.identity != two.identity:
        why = f"the files differ, and {NOT_ASKED}"
    return AdapterComparison(one.path, two.path, "not comparable", why=why)


def _equal(one: Blob, two: Blob, configs: Configs) -> bool:
    same = configs[0] is not None and configs[1] is not None and configs[0].raw == configs[1].raw
    return same and one.identity is not None and one.identity == two.identity


def sentence(found: AdapterComparison) -> str:
    """The relation with its figures and its reasons, for people."""
    return f"{found.sentence}: {found.why}" if found.relation == "not comparable" else _with_why(found)


def _with_why(found: AdapterComparison) -> str:
    return f"{found.sentence}; {found.why}" if found.why else found.sentence
