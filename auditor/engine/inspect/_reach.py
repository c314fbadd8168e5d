"""How far both factors lie from where they began, against the learning rates of all steps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model.inspection import (
    AdapterInspection,
    Condition,
    DrawnInspection,
    ModuleInspection,
    ReachInspection,
)
from auditor.runs import Run

if TYPE_CHECKING:
    from auditor.checks.training._claimed_reach import Claimed
    from auditor.checks.training._first_numbers import Began
    from auditor.compare.initial import Seeded


def reach_of(
    run: Run, adapter: AdapterInspection | None, seeded: "Seeded | None" = None
) -> ReachInspection | None:
    """The run's own adapter against what its files claim; None when there is nothing to hold against anything.

    ``seeded`` is the adapter whose first lora_A a seed explains.
    """
    config, measured = run.one(AdapterConfig), _largest(adapter)
    if config is None or not measured:
        return None
    from auditor.checks.training._claimed_reach import claimed_steps, why_not_from_zero
    from auditor.claims import DECLARED, EFFECTIVE, build

    ledger = build(run)
    if run.one(TrainingArgs) is None and ledger.value("learning_rate", EFFECTIVE, DECLARED) is None:
        return None
    claim = claimed_steps(run, ledger)
    drawn = None if isinstance(claim, str) else _drawn(run, claim, seeded)
    reason = why_not_from_zero(run, config) or (claim if isinstance(claim, str) else None)
    if isinstance(claim, str) or reason is not None:
        says = f"how far the weights may have moved is not known: {reason}"
        return ReachInspection("not known", says, drawn=drawn)
    trained = [(m, m.shape[0] * m.rank) for m in adapter.modules if m.shape and m.rank] if adapter else []
    numbers = None if any(m.largest_b is None for m, _ in trained) else sum(count for _, count in trained)
    return _judged(measured, claim, drawn, numbers)


def _largest(adapter: AdapterInspection | None) -> Mapping[str, float]:
    modules = adapter.modules if adapter is not None else ()
    return {item.module: item.largest_b for item in modules if item.largest_b is not None}


def _judged(
    measured: Mapping[str, float], claim: "Claimed", drawn: DrawnInspection | None, numbers: int | None
) -> ReachInspection:
    """``numbers`` is how many numbers all lora_B have; None when one of these was not read."""
    from auditor.checks.training.weights_outrun_learning_rate import TIMES

    far, steps, total = max(measured.values()), claim.steps, claim.total
    bound = None if claim.bound is None else claim.bound.furthest(0.0)
    summed = f"the sum of the learning rates of {steps:,} step{'s' if steps > 1 else ''} ({total:.3g})"
    if not total:
        return ReachInspection("not known", f"{summed} allows no movement", steps, total, bound, drawn=drawn)
    says = f"the largest lora_B is {far:.3g}, {far / total:.2f} times {summed}"
    verdict = "usual"
    if bound is not None and far > bound:
        verdict = "impossible"
        says += f", more than the {bound:.3g} that Adam allows: {_EXPLAINED}"
    elif far > TIMES * total:
        verdict = "unusual"
        says += f", where trainings reach about one: {_EXPLAINED}"
    elif (short := _short_of(far, claim, numbers)) is not None:
        verdict, says = "unusual", says + short
    shares = {name: value / total for name, value in measured.items()}
    return ReachInspection(verdict, says, steps, total, bound, shares, drawn)


def _short_of(far: float, claim: "Claimed", numbers: int | None) -> str | None:
    """What is said of weights that moved less than `auditor.checks.training.weights_barely_moved` lets pass."""
    from auditor.checks.training._stood_still import LEAST_STEPS
    from auditor.checks.training.weights_barely_moved import LEAST_NUMBERS, least_movement

    if numbers is None:
        return None
    if not far:
        return ": no lora_B moved, as if the adapter had never been trained"
    if not claim.scheduled or claim.sure < LEAST_STEPS or numbers < LEAST_NUMBERS:
        return None
    least = least_movement(claim)
    return f", and noise alone would reach {least:.3g}" if far < least else None


_EXPLAINED = "LoRA+, an earlier adapter or another basis of the same update would explain it"


def _drawn(run: Run, claim: "Claimed", seeded: "Seeded | None") -> DrawnInspection | None:
    """lora_A against its first numbers; None where these are not known."""
    from auditor.checks.training._claimed_reach import why_not_from_the_start
    from auditor.checks.training._first_numbers import allowed, began_in, moved_in_any_basis_of

    found = began_in(run, seeded)
    if isinstance(found, str) or claim.bound is None:
        return None
    bound, steps = claim.bound, found.steps
    moved = {item.module: item.seen.moved for item in found.modules}
    limits = {item.module: allowed(item, bound, steps) for item in found.modules}
    worst = max(found.modules, key=lambda item: moved[item.module] / limits[item.module])
    far, limit = moved[worst.module], limits[worst.module]
    start = f"from the numbers that seed {found.seed} drew"
    if far <= limit:
        says = (
            f"lora_A lies at most {far:.3g} {start}, of {limit:.3g} that the steps allow{_still(run, found)}"
        )
        return DrawnInspection("usual", says, limit, moved)
    says = f"lora_A lies {far:.3g} {start}, further than the {limit:.3g} that the steps allow"
    doubt = why_not_from_the_start(run)
    if doubt is not None:
        return DrawnInspection("not known", f"{says}, but {doubt}", limit, moved)
    if moved_in_any_basis_of(found, worst) > limit:
        return DrawnInspection("impossible", f"{says}: an earlier adapter would explain it", limit, moved)
    return DrawnInspection(
        "unusual", f"{says}: another basis of the same update would explain it", limit, moved
    )


def _still(run: Run, found: "Began") -> str:
    """What is said where lora_A rested although lora_B moved."""
    live, still = _live_and_still(run, found)
    return f"; {len(still):,} of the {live:,} whose lora_B moved did not move at all" if still else ""


def _live_and_still(run: Run, found: "Began") -> tuple[int, frozenset[str]]:
    """How many modules' lora_B moved, and those of them whose lora_A did not in steps that tell."""
    from auditor.checks.training._stood_still import LEAST_STEPS

    state = run.root.one(TrainerState) or run.latest(TrainerState)
    taken = (state.global_step if state is not None else None) if found.steps is None else found.steps
    live = [item for item in found.modules if not item.untrained]
    telling = taken is not None and taken >= LEAST_STEPS
    return len(live), frozenset(item.module for item in live if telling and item.is_still)


def with_still_ones(
    adapters: Sequence[AdapterInspection], run: Run, seeded: "Seeded | None"
) -> tuple[AdapterInspection, ...]:
    """The adapters, with modules named whose lora_A rested while that of others moved (else it was frozen)."""
    from auditor.checks.training._first_numbers import began_in

    found = began_in(run, seeded) if seeded is not None else ""
    live, still = (0, frozenset()) if isinstance(found, str) else _live_and_still(run, found)
    if seeded is None or isinstance(found, str) or not 0 < len(still) < live:
        return tuple(adapters)
    says = f"lora_A holds the numbers that seed {found.seed} drew, to the last bit, although lora_B moved"
    condition = Condition("half-trained", says)
    return tuple(
        replace(item, modules=tuple(_named(module, still, condition) for module in item.modules))
        if item.path == seeded.weights.path
        else item
        for item in adapters
    )


def _named(module: ModuleInspection, still: frozenset[str], condition: Condition) -> ModuleInspection:
    rests = module.module in still and bool(module.largest_b)
    return replace(module, conditions=(*module.conditions, condition)) if rests else module
