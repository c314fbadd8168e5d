"""The published adapter is not the one of the last checkpoint, although training ended there.

A Trainer that saves at its last step and calls `save_model` afterwards writes the same weights twice:
`_save_checkpoint` calls `save_model` too (transformers 5.23.0, trainer.py; measured with 4.51.3: equal
SHA-256). When the last checkpoint is at `max_steps` and the root differs, the root comes from somewhere
else.

The same numbers in a shorter type are the same weights. CPT projects its prompt each time that it is used, saving
included (tuners/cpt/model.py, `get_projection`), so its copies differ in the last digits.

Wrong when: the best checkpoint was loaded at the end and then pruned, the weights were merged afterwards, or a later
stage trained on.

Fix: publish the adapter of the last (or best) checkpoint, or say in the card where the root adapter
comes from.

Bad:
    adapter_model.safetensors: tensor *.0.mlp.up_proj.lora_B.weight * 2

Good:
    # the last checkpoint holds the same numbers
    adapter_model.safetensors: tensor *.0.mlp.up_proj.lora_B.weight * 2
    checkpoint-18/adapter_model.safetensors: tensor *.0.mlp.up_proj.lora_B.weight * 2
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts._lora_names import split_name
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.adapter import non_finite_weights, untrained_layers
from auditor.checks.adapter._written_anew import written_anew
from auditor.checks.training import weights_outrun_optimizer
from auditor.compare._rounding import agree
from auditor.compare._same_bytes import same_file, same_tensor
from auditor.errors import CannotRead
from auditor.model import Blob, Location, Problem, Severity, Skip
from auditor.runs import Contents, Folder, Run

SEVERITY = Severity.WARNING

MOST = 4
"""Tensors that weights-outrun-optimizer names at most, one a finding."""
_FLOATS = {"F64", "F32", "F16", "BF16"}
_NAMES = ("adapter_model.safetensors", "adapter_model.bin")


def check(run: Run) -> Iterator[Problem | Skip]:
    """Digests first: an LFS oid proves without the bytes; tensors decide when files differ in form only."""
    own, last = _weights(run, run.root), _weights(run, run.last) if run.last else None
    if own is None or last is None or run.last is None:
        yield Skip("there is no adapter in both the run's folder and a checkpoint")
        return
    reason = _why_other_bytes(run.root) or _why_not_the_end(run, run.last)
    if reason is not None:
        yield Skip(reason)
        return
    same = same_file(own, last)
    if same is None:
        yield Skip("the two adapters have no digests of the same kind")
    elif own.absent is None and not _holds_tensors(run.root):
        yield Skip(f"no tensor could be read from {own.path}")
    elif same or _same_tensors(run.root, run.last):
        return
    elif _is_told(run, run.last):
        yield Skip("the tensors that differ are reported for what is in them")
    elif says := written_anew(run)[0]:
        yield Skip(says)
    else:
        yield Problem(
            f"{own.path} is not the adapter of {run.last.path}, which was saved at the last step of training",
            Location(own.path),
            expected=_named(last),
            observed=_named(own),
        )


def _named(blob: Blob) -> str | None:
    digest = blob.digest()
    return f"{digest.algorithm} {digest.hex[:12]}…" if digest else None


def _weights(run: Run, folder: Folder) -> Blob | None:
    return next((blob for name in _NAMES if (blob := run.blob(name, folder)) is not None), None)


def _why_other_bytes(folder: Folder) -> str | None:
    config = folder.one(AdapterConfig)
    cpt = config is not None and config.peft_type == "CPT"
    return "CPT changes the last digits of its prompt each time that it is saved" if cpt else None


def _why_not_the_end(run: Run, last: Folder) -> str | None:
    """Why the last checkpoint need not hold the final weights, or None when it does."""
    state, final = last.one(TrainerState), run.root.one(TrainerState)
    if state is None or state.global_step is None or state.max_steps is None:
        return "whether the last checkpoint is the end of training is not known"
    if state.best_model_checkpoint is not None:
        return "a best checkpoint was named, whose weights the run may have ended with"
    if state.global_step < state.max_steps or (final and final.global_step != state.global_step):
        return "training went on after the last checkpoint"
    return None


def _holds_tensors(folder: Folder) -> bool:
    """Whether there is an adapter at all: a file without one is a finding of its own (weights-unreadable)."""
    weights = folder.one(AdapterWeights)
    return weights is not None and bool(weights.tensors)


def _same_tensors(one: Folder, other: Folder) -> bool:
    """Whether two readable adapters hold equal tensors under equal names, whatever containers and types say."""
    mine, theirs = one.one(AdapterWeights), other.one(AdapterWeights)
    if mine is None or theirs is None:
        return False
    named, other_named = _by_role(mine), _by_role(theirs)
    if named.keys() != other_named.keys():
        return False
    try:
        return all(_equal(mine, theirs, name, other_named[role]) for role, name in named.items())
    except CannotRead:
        return False


def _is_told(run: Run, last: Folder) -> bool:
    """Whether every tensor that differs is reported itself: for NaN, for zeros, or for a move no optimizer makes."""
    mine, theirs = run.root.one(AdapterWeights), last.one(AdapterWeights)
    if mine is None or theirs is None or mine.tensors.keys() != theirs.tensors.keys():
        return False
    try:
        told, differing, left = {*_zeros(run.root, run.contents), *_zeros(last, run.contents)}, 0, set[str]()
        for name in mine.tensors:
            if _equal(mine, theirs, name):
                continue
            differing += 1
            if name not in told and _is_finite(mine, name) and _is_finite(theirs, name):
                left.add(name)
            if len(left) > MOST:
                return False
    except CannotRead:
        return False
    found = weights_outrun_optimizer.check(run) if left else ()
    return differing > 0 and left <= {item.at.member for item in found if isinstance(item, Problem)}


def _is_finite(weights: AdapterWeights, name: str) -> bool:
    return non_finite_weights.non_finite(weights, name) == 0


def _zeros(folder: Folder, contents: Contents) -> Iterator[str]:
    """The lora_A that untrained-layers reports for being zero. Raises CannotRead."""
    weights, config = folder.one(AdapterWeights), folder.one(AdapterConfig)
    if weights is None or config is None:
        return
    if any(isinstance(item, Problem) for item in untrained_layers.check(config, weights, contents)):
        yield from untrained_layers.still_ones(weights)


def _by_role(weights: AdapterWeights) -> Mapping[tuple[str, str], str]:
    """The names by module and factor, with or without an adapter's name; those of other tensors by themselves."""
    roles = ((name, *split_name(name)) for name in weights.tensors)
    return {
        (module, part) if part in ("a", "b", "magnitude") else ("", name): name
        for name, module, part in roles
    }


def _equal(one: AdapterWeights, other: AdapterWeights, name: str, other_name: str | None = None) -> bool:
    """Bit by bit, so that NaN equals NaN, or in the shorter of two types of floats. Raises CannotRead."""
    mine, theirs = one.tensors[name], other.tensors[other_name or name]
    if mine.dtype == theirs.dtype:
        return same_tensor(one, other, name, theirs.name)
    if mine.shape != theirs.shape or not {mine.dtype, theirs.dtype} <= _FLOATS:
        return False
    pairs = zip(one.chunks(name), other.chunks(theirs.name), strict=True)
    return all(agree(x, mine.dtype, y, theirs.dtype) for x, y in pairs)
