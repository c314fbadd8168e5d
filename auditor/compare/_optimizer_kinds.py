"""Which optimizer wrote a state, by the names of its tensors and the settings of its groups.

Sources: torch 2.13.0, optim/*.py; bitsandbytes 0.50.2, optim/*.py; transformers 5.23.0, optimization.py (Adafactor);
galore_torch 1.0, adamw.py; apollo_torch 1.0, apollo.py; schedulefree 1.4, adamw_schedulefree.py; lion-pytorch 0.2,
lion_pytorch.py; grokadamw 0.1.2, grokadamw.py; the Adam of transformers 4 (optimization.py, ``correct_bias``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from auditor.artifacts.optimizer_state import OptimizerState, ParamState

Group = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """``name`` is the algorithm (adamw, lion, muon, ...), ``words`` how it is told in a sentence.

    ``first`` and ``second`` are the state tensors with the means of gradients and of their squares, where it keeps
    such; ``shaped`` are tensors of their parameter's shape. ``why`` says why the moments are not decoded, as the end
    of a sentence; None where they are plain numbers.
    """

    name: str
    words: str
    first: str | None = None
    second: str | None = None
    shaped: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _Signature:
    """``tensors`` are all there; ``settings`` are in the groups; ``given`` asks more of the first group."""

    kind: OptimizerKind
    tensors: frozenset[str]
    settings: frozenset[str] = frozenset()
    given: Callable[[Group], bool] = lambda _group: True


def _plain(name: str, words: str, first: str | None, second: str | None, *more: str) -> OptimizerKind:
    shaped = tuple(item for item in (first, second, *more) if item is not None)
    return OptimizerKind(name, words, first, second, shaped)


def _adam(name: str, words: str) -> OptimizerKind:
    return _plain(name, words, "exp_avg", "exp_avg_sq")


def _bnb(name: str, second: str | None = None) -> OptimizerKind:
    """Floats for parameters below 4,096 elements, else bytes: `kind_of` tells them apart."""
    return _plain(name, f"bitsandbytes' {name}", "state1", second)


def _betas(group: Group) -> tuple[float, ...]:
    betas = group.get("betas")
    return tuple(b for b in betas if isinstance(b, int | float)) if isinstance(betas, list | tuple) else ()


def _second_beta(group: Group) -> bool:
    return len(_betas(group)) > 1 and _betas(group)[1] > 0


def _signature(
    kind: OptimizerKind,
    tensors: str,
    settings: str = "",
    given: Callable[[Group], bool] = lambda _group: True,
) -> _Signature:
    return _Signature(kind, frozenset(tensors.split()), frozenset(settings.split()), given)


_SIGNATURES: tuple[_Signature, ...] = (
    # bitsandbytes names its tensors by number; betas and eps tell one-state algorithms apart.
    _signature(_bnb("ademamix", "state2"), "state1 state2", given=lambda group: len(_betas(group)) == 3),
    _signature(_bnb("lamb", "state2"), "state1 state2 unorm_vec"),
    _signature(_bnb("adamw", "state2"), "state1 state2"),
    _signature(_bnb("lars"), "state1 unorm_vec"),
    _signature(_bnb("lion"), "state1", given=_second_beta),
    _signature(_bnb("adagrad"), "state1", given=lambda group: not any(_betas(group))),
    _signature(_bnb("sgd"), "state1", given=lambda group: group.get("eps") == 0),
    _signature(_bnb("rmsprop"), "state1"),
    # Adafactor keeps rows and columns of the squares; vectors keep the squares themselves.
    _signature(_plain("adafactor", "Transformers' Adafactor", "exp_avg", None), "exp_avg_sq_row RMS"),
    _signature(_plain("adafactor", "Transformers' Adafactor", "exp_avg", "exp_avg_sq"), "exp_avg_sq RMS"),
    _signature(_plain("adafactor", "Adafactor", "exp_avg", None), "exp_avg_sq_row"),
    _signature(_plain("adafactor", "torch's Adafactor", None, None), "row_var"),
    _signature(_plain("adafactor", "torch's Adafactor", None, "variance"), "variance", "beta2_decay"),
    # One momentum buffer.
    _signature(_plain("muon", "torch's Muon", "momentum_buffer", None), "momentum_buffer", "ns_steps"),
    _signature(_plain("muon", "Muon", "momentum_buffer", None), "momentum_buffer", "use_muon"),
    _signature(_plain("rmsprop", "torch's RMSprop", None, "square_avg"), "square_avg", "alpha"),
    _signature(_plain("adadelta", "torch's Adadelta", None, "square_avg"), "square_avg acc_delta"),
    _signature(_plain("sgd", "SGD with momentum", "momentum_buffer", None), "momentum_buffer"),
    # Two means under Adam's names.
    _signature(_adam("schedule_free", "a schedule-free AdamW"), "z exp_avg_sq"),
    _signature(_plain("schedule_free", "a schedule-free SGD", None, None, "z"), "z"),
    _signature(_adam("grokadamw", "GrokAdamW"), "exp_avg exp_avg_sq grok_ema"),
    _signature(_adam("nadam", "torch's NAdam"), "exp_avg exp_avg_sq mu_product"),
    _signature(_plain("adamax", "torch's Adamax", "exp_avg", None, "exp_inf"), "exp_avg exp_inf"),
    _signature(
        _adam("adamw", "torch's AdamW"),
        "exp_avg exp_avg_sq",
        "amsgrad decoupled_weight_decay",
        lambda group: group.get("decoupled_weight_decay") is True,
    ),
    _signature(_adam("adam", "torch's Adam"), "exp_avg exp_avg_sq", "amsgrad decoupled_weight_decay"),
    _signature(_adam("adamw", "torch's Adam or AdamW"), "exp_avg exp_avg_sq", "amsgrad"),
    _signature(_adam("adamw", "Transformers' own AdamW"), "exp_avg exp_avg_sq", "correct_bias"),
    _signature(_adam("radam", "torch's RAdam"), "exp_avg exp_avg_sq", "decoupled_weight_decay"),
    _signature(_adam("adamw", "an optimizer with Adam's moments"), "exp_avg exp_avg_sq"),
    _signature(_plain("lion", "Lion", "exp_avg", None), "exp_avg"),
    # The rest of torch.
    _signature(_plain("adagrad", "torch's Adagrad", None, None, "sum"), "sum"),
    _signature(_plain("asgd", "torch's ASGD", None, None, "ax"), "ax"),
    _signature(_plain("rprop", "torch's Rprop", None, None, "prev", "step_size"), "prev step_size"),
)
_PROJECTED: Mapping[str, str] = {
    "galore": "GaLore's AdamW",
    "apollo": "APOLLO's AdamW",
}
_NOTHING = OptimizerKind("sgd", "SGD without momentum, which keeps no state")


def kind_of(state: OptimizerState) -> OptimizerKind:
    """The optimizer that wrote a state; ``unknown`` with the names of its tensors where none that is known did."""
    names = {name for entry in state.entries for name in entry.tensors}
    groups = [group for group in state.param_groups if group.get("params")] or list(state.param_groups)
    projected = next((entry.projected for entry in state.entries if entry.projected), None)
    if projected is not None:
        return OptimizerKind(
            projected,
            _PROJECTED[projected],
            "exp_avg" if "exp_avg" in names else None,
            "exp_avg_sq" if "exp_avg_sq" in names else None,
            (),
            f"they are of gradients projected{_rank(groups)}, so their shapes are not the parameters'",
        )
    if not names:
        return _without_tensors(state, groups)
    for signature in _SIGNATURES:
        if names >= signature.tensors and all(
            group.keys() >= signature.settings and signature.given(group) for group in groups[:1] or [{}]
        ):
            return _quantized(signature.kind, state)
    shown = ", ".join(sorted(names)[:6])[:200]
    return OptimizerKind(
        "unknown", "an optimizer that is not known", why=f"no known optimizer keeps tensors named {shown}"
    )


def _rank(groups: list[Group]) -> str:
    ranks = [group.get("rank") for group in groups if isinstance(group.get("rank"), int)]
    return f" to rank {ranks[0]}" if ranks else ""


def _without_tensors(state: OptimizerState, groups: list[Group]) -> OptimizerKind:
    if groups and groups[0].keys() >= {"momentum", "dampening"}:
        return _NOTHING
    if state.entries:
        return OptimizerKind("unknown", "an optimizer that keeps no tensors", why="there are no tensors")
    return OptimizerKind(
        "unknown",
        "an optimizer without states by parameter",
        why="it was never stepped, or keeps its states by name or in other files, as sharded training does",
    )


def _quantized(kind: OptimizerKind, state: OptimizerState) -> OptimizerKind:
    """bitsandbytes' kinds with the width of what they keep; paged optimizers leave the same state."""
    if kind.first != "state1":
        return kind
    small = [entry for entry in state.entries if _is_bytes(entry)]
    if not small:
        words = f"{kind.words} with floats (its 32-bit, or its 8-bit where no parameter has 4,096 elements)"
        return replace(kind, words=words)
    found = replace(kind, name=f"{kind.name} 8-bit", words=f"{kind.words} in 8 bits")
    if kind.name == "ademamix":
        return replace(found, why="its two fast means lie in one tensor of bytes")
    if any("absmax1" not in entry.tensors or "qmap1" not in entry.tensors for entry in small):
        return replace(found, why="they are in 8 bits without a factor for each block")
    return found


def _is_bytes(entry: ParamState) -> bool:
    ref = entry.tensors.get("state1")
    return ref is not None and ref.dtype == "uint8"
