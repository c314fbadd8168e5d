"""The weights are there as a pickle only.

adapter_model.bin and pytorch_model.bin are pickles, which safetensors replaced. torch before 2.6 can be made to run
code by such a file even with `weights_only=True` (CVE-2025-32434), and Transformers 4.53 and newer refuse to load it
there (utils/import_utils.py, `check_torch_load_is_safe`). This audit read the file without running it.

Wrong when: every reader has torch 2.6 or newer and trusts the author.

Fix: save the weights as safetensors (`save_pretrained(..., safe_serialization=True)`), or load with torch 2.6 or
newer and `weights_only=True`.

Bad:
    adapter_model.safetensors: removed
    adapter_model.bin: = copy of checkpoint-18/optimizer.pt

Good:
    adapter_model.bin: = copy of checkpoint-18/optimizer.pt
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity, Skip, folder_of, name_of
from auditor.runs import Run

SEVERITY = Severity.NOTE

_PICKLED = ("adapter_model.bin", "pytorch_model.bin", "pytorch_model.bin.index.json")
_SAFE = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")


def check(run: Run) -> Iterator[Problem | Skip]:
    """By name, fetched or not; the copies in checkpoints are in the evidence."""
    pickled = [blob for name in _PICKLED for _, blob in run.blobs(name)]
    safe = {folder_of(blob.path) for name in _SAFE for _, blob in run.blobs(name)}
    if not pickled and not safe:
        yield Skip("the run has no file of weights")
    alone = [blob.path for blob in pickled if folder_of(blob.path) not in safe]
    if alone:
        yield Problem(
            f"{name_of(alone[0])} is a pickle, and no safetensors file is beside it",
            Location(alone[0]),
            expected="safetensors",
            observed=", ".join(alone[:3]),
            evidence=tuple(f"also {path}" for path in alone[1:4]),
        )
