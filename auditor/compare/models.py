"""Two whole models (full fine-tunes), tensor by tensor, however they are cut into shards."""

from collections.abc import Sequence

from auditor.artifacts.model_weights import SHARD, ModelWeights
from auditor.artifacts.weight_index import WeightIndex
from auditor.compare._as_they_are import compare_as_they_are
from auditor.compare._sets import WeightSet
from auditor.model import AdapterComparison, name_of
from auditor.runs import Contents, Folder

_KINDS = (("model", "safetensors"), ("pytorch_model", "bin"))
"""(stem, ending) of the files that transformers loads, in the order it looks for them; one file before shards."""


def compare_models(
    base: WeightSet | Sequence[ModelWeights], head: WeightSet | Sequence[ModelWeights]
) -> AdapterComparison:
    """Compare all tensors of both sides; what keeps one from being compared is said in ``why``, never raised.

    ``modules`` are tensors, with the norms of the weights themselves. The paths are those of the first files, of which
    there has to be one.
    """
    return compare_as_they_are(base, head)


def model_of(contents: Contents, folder: Folder) -> WeightSet:
    """The whole model of a folder: model.safetensors or its shards, else the .bin, else every other file of weights.

    Shards that were not read, and those that only the index knows, are among its problems.
    """
    names = {name_of(path): path for path in contents.snapshot.inside(folder.path)}
    files = {name_of(item.path): item for item in folder.all(ModelWeights)}
    kind = next((kind for kind in _KINDS if any(_is_of(name, kind) for name in names)), None)
    wanted = [name for name in names if kind is None or _is_of(name, kind)]
    if kind is not None and (whole := ".".join(kind)) in wanted:
        wanted = [whole]
    reasons = {
        names[name]: found.reason
        for name in wanted
        if name not in files and (found := contents.unread_at(names[name]))
    }
    index = next(
        (item for item in folder.all(WeightIndex) if any(shard in wanted for shard in item.shards)), None
    )
    read = [files[name] for name in wanted if name in files]
    return WeightSet.of(
        read, index, {path: why for path, why in reasons.items() if ModelWeights.matches(path)}
    )


def _is_of(name: str, kind: tuple[str, str]) -> bool:
    stem, end = kind
    match = SHARD.match(name)
    return name == f"{stem}.{end}" or (match is not None and (match["stem"], match["end"]) == kind)
