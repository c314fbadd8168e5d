"""A folder holds the adapter twice, as .safetensors and as .bin.

PEFT loads adapter_model.safetensors whenever it exists and never looks at adapter_model.bin then (peft
0.21.2, utils/save_and_load.py, `load_peft_weights`). Other programs choose differently, so two users
may run two adapters.

Wrong when: both hold the same tensors, which this rule does not compare.

Fix: delete adapter_model.bin.

Bad:
    checkpoint-9/adapter_model.bin: unfetched, 69448 bytes

Good:
    checkpoint-9/adapter_model.safetensors: removed
    checkpoint-9/adapter_model.bin: unfetched, 69448 bytes
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem]:
    """By name, whether the files were fetched or not."""
    for folder in run.folders:
        both = run.blob("adapter_model.safetensors", folder), run.blob("adapter_model.bin", folder)
        if both[0] is not None and both[1] is not None:
            yield Problem(
                "the folder holds adapter_model.safetensors and adapter_model.bin; PEFT loads the "
                "first and ignores "
                "the second",
                Location(both[1].path),
                expected="one adapter file",
                observed="two adapter files",
            )
