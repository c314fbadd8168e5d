"""The optimizer and its settings, from optimizer.pt.

The names of the state tensors tell the algorithm: exp_avg and exp_avg_sq are torch's Adam family, state1
and state2 bitsandbytes' (torch/optim/adamw.py; bitsandbytes, optim/optimizer.py). ``param_groups`` hold
what the Trainer passed: initial_lr (set by the scheduler), weight_decay, betas and eps. LoRA matrices are
in the group with weight decay, for the Trainer exempts only biases and layer norms (transformers 5.23.0,
trainer.py ``get_decay_parameter_names``). ``step`` counts updates: it equals global_step unless fp16
skipped steps (fewer) or an attempt ran out of memory and its updates stayed (more).
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._against import plain
from auditor.evidence._say import contradicted, number, real, unverifiable, verified
from auditor.model import Evidence, Status
from auditor.runs import Run

FAMILIES: Mapping[str, str] = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_hf": "adamw",
    "adamw_apex_fused": "adamw",
    "adamw_8bit": "adam8bit",
    "adamw_bnb_8bit": "adam8bit",
    "paged_adamw": "adam8bit",
    "paged_adamw_32bit": "adam8bit",
    "paged_adamw_8bit": "adam8bit",
    "adafactor": "adafactor",
    "sgd": "sgd",
}
"""OptimizerNames (transformers 5.23.0, training_args.py) -> the kind its state shows; others are not
judged.
"""
_WORDS = {
    "adamw": "torch's Adam family",
    "adam8bit": "bitsandbytes' Adam",
    "adafactor": "Adafactor",
    "sgd": "SGD",
}


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test optim, global_step, learning_rate, weight_decay, adam_beta1, adam_beta2 and adam_epsilon."""
    state = run.latest(OptimizerState)
    if state is None:
        return
    yield from _kind(state, ledger)
    yield from _steps(run, state, ledger)
    group = next((g for g in state.param_groups if g.get("params")), None)
    if group is None:
        return
    others = [g for one in run.all(OptimizerState) for g in one.param_groups if g is not group]
    for item in _settings(group, state, ledger):
        alone = item.outcome is Status.CONTRADICTED and others and not _shared(item, group, others)
        yield unverifiable(item.claim, f"{item.says}; other groups disagree", *item.paths) if alone else item


_SETTINGS = {"learning_rate": "initial_lr", "weight_decay": "weight_decay", "adam_epsilon": "eps"}


def _shared(item: Evidence, group: Mapping[str, object], others: Sequence[Mapping[str, object]]) -> bool:
    """Whether another group, of any checkpoint, has the same setting: one that stands alone is a rule's to report."""
    key = _SETTINGS.get(item.claim, "betas")
    return any(other.get(key) == group.get(key) for other in others)


def _kind(state: OptimizerState, ledger: Ledger) -> Iterator[Evidence]:
    stated = ledger.statement("optim", DECLARED, EFFECTIVE)
    word = str(stated.value).rpartition(".")[2].lower() if stated else ""
    family = FAMILIES.get(word)
    if stated is None or family is None or state.kind is None:
        return
    found = _WORDS.get(state.kind, state.kind)
    if family == state.kind and not (word.endswith("8bit") and not _has_bytes(state)):
        yield verified("optim", f"the state is that of {found}", "", state.kind, state.path)
    elif family == state.kind:
        says = f"{word} is declared, and every state tensor holds floats, as small parameters keep them"
        yield unverifiable("optim", says, state.path)
    else:
        says = f"{stated.key} is declared as {word}, and optimizer.pt holds the state of {found}"
        yield contradicted("optim", says, "", state.kind, stated.path, state.path)


def _has_bytes(state: OptimizerState) -> bool:
    """Whether some moment is quantized; bitsandbytes keeps tensors below 4,096 elements in float32."""
    return any(ref.dtype == "uint8" for entry in state.entries for ref in entry.tensors.values())


def _steps(run: Run, state: OptimizerState, ledger: Ledger) -> Iterator[Evidence]:
    folder = next((f for f in run.folders if f.path == state.folder), None)
    recorded = folder.one(TrainerState) if folder else None
    wanted = recorded.global_step if recorded else None
    if recorded is None or wanted is None or not state.steps:
        return
    found, paths = max(state.steps), (state.path, recorded.path)
    shown = ", ".join(number(step) for step in sorted(state.steps)[:5])
    if state.steps == {float(wanted)}:
        says = f"every parameter was updated {number(wanted)} times"
        yield verified("global_step", says, "", wanted, *paths)
    elif found > wanted and ledger.value("auto_find_batch_size") not in (True, "true"):
        says = (
            f"optimizer.pt counts {shown} updates, more than the {number(wanted)} steps of trainer_state.json"
        )
        yield contradicted("global_step", says, "", found, *paths)
    else:
        reason = (
            "attempts that ran out of memory leave updates behind"
            if found > wanted
            else ("steps skipped under fp16, or an optimizer that was not resumed")
        )
        says = f"optimizer.pt counts {shown} updates, trainer_state.json {number(wanted)} steps: {reason}"
        yield unverifiable("global_step", says, *paths)


def _takes_adam_settings(state: OptimizerState, ledger: Ledger) -> bool:
    """Whether the Trainer passes betas and epsilon on: Adagrad, Lion and others keep their own defaults.

    Source: transformers 5.23.0, trainer_optimizer.py, where only some names get ``adam_kwargs`` whole.
    """
    stated = ledger.value("optim", EFFECTIVE, DECLARED)
    if stated is None:
        return state.kind in ("adamw", "adam8bit")
    return "adam" in str(stated).rpartition(".")[2].lower()


def _settings(group: Mapping[str, object], state: OptimizerState, ledger: Ledger) -> Iterator[Evidence]:
    path = state.path
    adam = group if _takes_adam_settings(state, ledger) else {}
    betas = adam.get("betas")
    pair = betas if isinstance(betas, list | tuple) and len(betas) == 2 else (None, None)
    for key, found in (
        ("learning_rate", group.get("initial_lr")),
        ("weight_decay", group.get("weight_decay")),
        ("adam_beta1", pair[0]),
        ("adam_beta2", pair[1]),
        ("adam_epsilon", adam.get("eps")),
    ):
        stated = ledger.statement(key, DECLARED, EFFECTIVE)
        wanted, value = real(plain(stated.value)) if stated else None, real(found)
        if stated is None or wanted is None or value is None:
            continue
        if abs(wanted - value) <= 1e-9 * max(abs(wanted), abs(value)):
            yield verified(key, f"optimizer.pt was built with {number(value)}", "", value, path)
        else:
            told = f"{stated.key} is declared as {number(wanted)}"
            says = f"{told}, and optimizer.pt was built with {number(value)}"
            yield contradicted(key, says, "", value, stated.path, path)
