"""The parameter groups of the optimizer disagree about a setting that all of them were given.

The Trainer builds one optimizer with one set of betas, epsilon and switches for all groups, which differ in weight
decay and learning rate only (transformers 4.51.3 and 5.23.0, trainer.py, `create_optimizer`), and resuming loads the
saved groups over the new ones (torch, optim/optimizer.py, `load_state_dict`). So groups agree with each other and with
those of every other checkpoint; one that stands alone was edited or is of another run. A state of a parameter that no
group lists cannot come from an optimizer at all.

Wrong when: the script builds an optimizer whose groups have settings of their own; then the checkpoints still agree.

Fix: publish optimizer.pt as the trainer wrote it.

Bad:
    checkpoint-18/optimizer.pt: .param_groups/0/eps = 1e-06

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.checks._wording import counted, joined, shown
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_OWN = ("lr", "initial_lr", "weight_decay", "params", "param_names")
"""Settings that each group has for itself; the rates are held against the scheduler's."""
_ABSENT = "<absent>"
_NAMED = 4
Group = tuple[OptimizerState, int, Mapping[str, object]]


def check(run: Run) -> Iterator[Problem | Skip]:
    """By majority over all groups of all checkpoints; the last checkpoint's first group counts where there is none."""
    optimizers = run.all(OptimizerState)
    groups = [(one, at, group) for one in optimizers for at, group in enumerate(one.param_groups)]
    if len(groups) < 2:
        yield Skip("the run holds fewer than two groups of optimizer settings")
    for optimizer in optimizers:
        yield from _unlisted(optimizer)
    shared = sorted({key for _, _, group in groups for key in group} - set(_OWN))
    found = _odd(groups, shared)
    if found is None:
        for at in range(max((at for _, at, _ in groups), default=-1) + 1):
            same = [item for item in groups if item[1] == at]
            found = found or _odd(same, ["weight_decay"])
    if found is not None:
        yield found


def _unlisted(optimizer: OptimizerState) -> Iterator[Problem]:
    listed = {index for group in optimizer.param_groups for index in _indices(group)}
    unknown = [entry.index for entry in optimizer.entries if entry.index not in listed]
    if unknown:
        yield Problem(
            f"{optimizer.path} holds the state of {counted(len(unknown), 'parameter')} that no group lists",
            optimizer.at("param_groups"),
            expected=f"parameter {unknown[0]} in a group",
            observed=f"{counted(len(listed), 'parameter')} listed",
            severity=Severity.ERROR,
        )


def _indices(group: Mapping[str, object]) -> list[object]:
    params = group.get("params")
    return params if isinstance(params, list) else []


def _odd(groups: Sequence[Group], keys: Sequence[str]) -> Problem | None:
    """The first group that differs from most in some of the keys."""
    latest_first = list(reversed(groups))
    right: dict[str, str] = {}
    for key in keys:
        texts = [_text(group, key) for _, _, group in latest_first]
        right[key] = max(texts, key=texts.count)
    for optimizer, at, group in groups:
        wrong = [key for key in keys if _text(group, key) != right[key]]
        if wrong:
            others = (one.path for one, _, other in latest_first if _text(other, wrong[0]) == right[wrong[0]])
            return _problem(optimizer, at, group, wrong, right, next(others))
    return None


def _text(group: Mapping[str, object], key: str) -> str:
    return shown(group[key]) if key in group else _ABSENT


def _problem(
    optimizer: OptimizerState,
    at: int,
    group: Mapping[str, object],
    keys: list[str],
    right: Mapping[str, str],
    other: str,
) -> Problem:
    first, named = keys[0], keys[:_NAMED] + ([f"{len(keys) - _NAMED} more"] if len(keys) > _NAMED else [])
    return Problem(
        f"group {at} of {optimizer.path} differs from the run's other groups in {joined(named)}",
        optimizer.at(f"param_groups/{at}/{first}"),
        expected=f"{first} {right[first]}",
        observed=f"{first} {_text(group, first)}",
        evidence=(f"most groups, among them one of {other}, have {first} {right[first]}",),
    )
