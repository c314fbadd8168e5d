"""Whether fp16 ran, from the presence of the loss scaler's state.

The Trainer writes scaler.pt into every checkpoint that holds an optimizer when mixed precision fp16 ran on
an accelerator, and never otherwise (transformers 4.49.0 and newer, trainer.py ``_save_scaler``; accelerate
1.6.0, accelerator.py: the scaler exists only for fp16 off the CPU, outside DeepSpeed and Megatron). 4.48.3
does not write it, so the absence counts only where the files prove 4.49 or newer. A file left out when the
repository was uploaded looks the same, and so does a run on a CPU.
"""

from collections.abc import Iterator

from auditor.artifacts.rng_state import RngState
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._files import uses_deepspeed
from auditor.evidence._say import contradicted, unverifiable, verified
from auditor.model import Evidence, Statement, VersionRange
from auditor.runs import Run

AFTER = ("transformers_version_from_files",)
CLAIM = "mixed_precision"
_FP16 = ("fp16", "float16")
_OTHER = ("bf16", "bfloat16", "no", "none", "null", "fp32", "float32")


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test mixed_precision, the declared value before the effective one."""
    stated = ledger.statement(CLAIM, DECLARED, EFFECTIVE)
    word = str(stated.value).lower() if stated and stated.value is not None else ""
    if stated is None or word not in (*_FP16, *_OTHER):
        return
    scalers = tuple(blob.path for _, blob in run.blobs("scaler.pt"))
    if scalers:
        yield _present(stated, word, scalers)
        return
    optimizers = tuple(blob.path for _, blob in run.blobs("optimizer.pt"))
    if word in _FP16 and optimizers:
        yield _absent(run, ledger, stated, optimizers)


def _present(stated: Statement, word: str, scalers: tuple[str, ...]) -> Evidence:
    if word in _FP16:
        return verified(CLAIM, "scaler.pt is there, which only fp16 writes", "", "fp16", *scalers)
    says = f"scaler.pt is there, which only fp16 writes, and {stated.key} says {stated.value}"
    return contradicted(CLAIM, says, "", "fp16", stated.path, *scalers)


def _absent(run: Run, ledger: Ledger, stated: Statement, optimizers: tuple[str, ...]) -> Evidence:
    versions = ledger.derived("transformers_version")
    if not isinstance(versions, VersionRange) or not versions.at_least("4.49"):
        says = "no scaler.pt, but the files do not prove Transformers 4.49, before which fp16 wrote none"
        return unverifiable(CLAIM, says, *optimizers)
    if uses_deepspeed(run):
        return unverifiable(CLAIM, "no scaler.pt, but DeepSpeed keeps the scaler elsewhere", *optimizers)
    if _was_on_cpu(run):
        return unverifiable(CLAIM, "no scaler.pt, but the run was on a CPU, where fp16 has none", *optimizers)
    if ledger.value(CLAIM, EFFECTIVE) == "fp16":
        says = "the training arguments say fp16, but scaler.pt is missing: not uploaded, or a run on a CPU"
        return unverifiable(CLAIM, says, *optimizers)
    says = f"{stated.key} says fp16, and no checkpoint holds the scaler.pt that fp16 writes"
    detail = f"Transformers {versions} writes scaler.pt beside optimizer.pt when fp16 runs on a GPU"
    return contradicted(CLAIM, says, detail, None, stated.path, *optimizers)


def _was_on_cpu(run: Run) -> bool:
    """Whether the arguments say so, or no process kept the state of a CUDA generator."""
    arguments = run.one(TrainingArgs)
    if arguments is not None and arguments.values.get("use_cpu") is True:
        return True
    states = run.all(RngState)
    return bool(states) and not any(state.cuda for state in states)
