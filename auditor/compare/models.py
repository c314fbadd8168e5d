"""Two whole models (full fine-tunes), tensor by tensor, however they are cut into shards."""

from collections.abc import Sequence

from auditor.artifacts.model_weights import ModelWeights
from auditor.compare._as_they_are import compare_as_they_are
from auditor.model import AdapterComparison


def compare_models(base: Sequence[ModelWeights], head: Sequence[ModelWeights]) -> AdapterComparison:
    """Compare all tensors of both sides; what keeps one from being compared is said in ``why``, never raised.

    ``modules`` are tensors, with the norms of the weights themselves. The paths are those of the first files.
    """
    return compare_as_they_are(base, head)
