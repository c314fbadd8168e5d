"""Optimizers whose states are written afresh, and what of a state a recipe decides.

Layouts: torch 2.13.0, optim/adamw.py (fused and foreach keep the same), sgd.py, adagrad.py, rmsprop.py; transformers
5.23.0, optimization.py (Adafactor), and 4.57, optimization.py (an AdamW of its own); bitsandbytes 0.50.2,
optim/optimizer.py: states of numbered names, floats below 4,096 elements or in 32 bits, else one byte an element with
a factor a block of 256 (``absmax``) and a table of 256 values (``qmap``). A paged optimizer keeps the same numbers in
memory that moves. Names of optimizers: transformers 5.23.0, training_args.py, OptimizerNames.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.model import Setting

BITSANDBYTES = "bitsandbytes"


@dataclass(frozen=True, slots=True)
class Family:
    """States of one layout. ``name`` is the class that keeps it, or the library where its classes share a layout.

    ``needed`` tensors are kept for every parameter, ``others`` for some; ``counts`` tells how it keeps its steps:
    as a ``tensor``, as a ``number``, or not (None).
    """

    name: str
    says: str
    needed: frozenset[str]
    others: frozenset[str]
    counts: str | None


def _family(name: str, says: str, needed: str, others: str, counts: str | None) -> Family:
    return Family(name, says, frozenset(needed.split()), frozenset(others.split()), counts)


_QUANTISED = "state2 qmap1 qmap2 absmax1 absmax2"
FAMILIES = (
    _family("AdamW", "torch's AdamW", "exp_avg exp_avg_sq", "max_exp_avg_sq", "tensor"),
    _family(BITSANDBYTES, "bitsandbytes", "state1", _QUANTISED, "number"),
    _family("SGD", "SGD with momentum", "momentum_buffer", "", None),
    _family("Adagrad", "torch's Adagrad", "sum", "", "tensor"),
    _family("RMSprop", "torch's RMSprop", "square_avg", "momentum_buffer grad_avg", "tensor"),
    _family(
        "Adafactor", "Transformers' Adafactor", "RMS", "exp_avg_sq_row exp_avg_sq_col exp_avg_sq", "number"
    ),
)
_OF_TRANSFORMERS = _family("AdamW", "Transformers' own AdamW", "exp_avg exp_avg_sq", "", "number")
_NAMES = {
    "adamw_torch": "AdamW",
    "adamw_torch_fused": "AdamW",
    "adamw_hf": "AdamW",
    "sgd": "SGD",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adafactor": "Adafactor",
}
"""Names of `TrainingArguments.optim` -> the class it makes."""
_MARKS = ("8bit", "paged", "lion", "ademamix", "bnb", "rmsprop_32bit")
"""Parts of the other names, by which the Trainer knows an optimizer of bitsandbytes (trainer_optimizer.py)."""


def family(state: OptimizerState) -> Family | None:
    """The layout of a state; None for one that is not written afresh, and for one without any tensor."""
    names = {name for entry in state.entries for name in entry.tensors}
    if any(entry.projected for entry in state.entries):
        return None
    found = next((f for f in FAMILIES if f.needed <= names <= f.needed | f.others), None)
    if found is FAMILIES[0] and any("correct_bias" in group for group in state.param_groups):
        return _OF_TRANSFORMERS
    return found


def unlike(state: OptimizerState, optim: object) -> str | None:
    """Why a state cannot be that of the optimizer of this name, as the end of a sentence; None where it may be."""
    kept, wanted = family(state), named(optim)
    if kept is None or wanted is None or wanted == kept.name:
        return None
    return f"is that of {kept.says}, the recipe's optimizer is {str(optim).rpartition('.')[2]}"


def named(optim: object) -> str | None:
    """The name of a `Family` for a value of ``optim``; None for one that is not known."""
    word = str(optim).rpartition(".")[2].lower()
    if word in _NAMES:
        return _NAMES[word]
    return BITSANDBYTES if any(mark in word for mark in _MARKS) and "torch" not in word else None


ALWAYS = ("amsgrad", "foreach", "fused")
"""Settings of a group that no argument of the Trainer names, so that its state is the only word on them."""
DECIDED: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("lr", "initial_lr"),
    "weight_decay": ("weight_decay",),
    "adam_beta1": ("betas",),
    "adam_epsilon": ("eps",),
    "optim_args": (
        *("momentum", "dampening", "nesterov", "alpha", "centered", "lr_decay", "t_alpha", "t_beta3"),
        *("clip_threshold", "decay_rate"),
    ),
}
"""Settings of a plan -> settings of a group that they decide."""


def kept(group: Mapping[str, object], settings: Mapping[str, Setting]) -> dict[str, object]:
    """What a group takes from its file: all that the recipe leaves open. What the recipe states, the trainer sets.

    A state under other settings than the declared ones would otherwise decide what the declared recipe is held to.
    """
    stated = {
        name
        for key, names in DECIDED.items()
        if (setting := settings.get(key)) is not None and not setting.assumed
        for name in names
    }
    known = (*ALWAYS, *(name for names in DECIDED.values() for name in names))
    return {key: group[key] for key in known if key in group and key not in stated}
