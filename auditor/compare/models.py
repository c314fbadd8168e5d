"""Two whole models (full fine-tunes), tensor by tensor, however they are cut into shards."""

from collections.abc import Sequence

from auditor.artifacts.model_weights import ModelWeights
from auditor.compare._as_they_are import measured_tensors
from auditor.compare._factors import NotComparableError
from auditor.compare._relation import judged
from auditor.compare.adapters import without_subset
from auditor.model import AdapterComparison


def compare_models(base: Sequence[ModelWeights], head: Sequence[ModelWeights]) -> AdapterComparison:
    """Compare all tensors of both sides; what keeps them from being compared is said in ``why``, never raised.

    ``modules`` are tensors, with the norms of the weights themselves. The paths are those of the first files.
    """
    names = base[0].path, head[0].path
    try:
        measured = measured_tensors(base, head)
    except NotComparableError as error:
        return AdapterComparison(*names, "not comparable", why=str(error))
    return without_subset(judged(*names, measured))
