"""The LoRA matrices of one adapter are stored in several number formats.

PEFT casts all trainable matrices to float32 (`autocast_adapter_dtype`, peft 0.13.2,
tuners/lora/model.py), so one run leaves one format. Several formats come from merging files of
different origin or from a conversion that stopped.

Wrong when: the adapter was converted on purpose with some modules kept in a wider format.

Fix: save the adapter again from one model.

Bad:
    adapter_model.safetensors: tensor *.lora_A.weight as float16

Good:
    adapter_model.safetensors: tensor * as float16
"""

from collections import Counter
from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE


def check(weights: AdapterWeights) -> Iterator[Problem]:
    """Only LoRA's own matrices count; copies of the base may have another format."""
    counts: Counter[str] = Counter()
    for pair in weights.pairs().values():
        counts.update(info.dtype for info in (pair.a, pair.b) if info is not None)
    if len(counts) > 1:
        observed = ", ".join(f"{count} in {dtype}" for dtype, count in counts.most_common())
        yield Problem(
            f"the LoRA matrices are stored in {len(counts)} number formats: {observed}",
            weights.at(),
            expected="one number format",
            observed=observed,
        )
