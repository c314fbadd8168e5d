"""The learning rates that are claimed for a run's steps, where an optimizer took them whose steps are bounded."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, RECORDED, Ledger, received
from auditor.compare.reach import ADAMS, BETAS, LIONS, ZERO_STARTS, Bound
from auditor.compare.schedules import Named, factor, of_arguments, why_no_form
from auditor.runs import Run, best_step, trainer_of

MARGIN = 5e-3
"""Relative slack of a bound that claims give: rates are logged with a few digits, float32 rounds each step."""
_MOST_STEPS = 10**9
_FOLLOWED = 200_000
"""Steps whose rates are summed one by one."""
_SAMPLED = 2000
"""Steps at which a longer schedule is looked at."""
_LORA_PLUS = ("loraplus_lr_ratio", "lorap_lr_ratio")
_SEVERAL_RATES = ("vit_lr", "aligner_lr", "lr_groups", "embedding_lr", "embedding_lr_scale")
"""Keys of ms-swift 4.6 and axolotl 0.19 that stand beside ``learning_rate`` (auditor/recipes/words)."""
_OTHER_OPTIMIZERS = ("use_galore", "use_apollo", "use_badam", "use_adam_mini", "use_muon")
"""Keys under which LLaMA-Factory 0.9.5 makes an optimizer that ``optim`` does not name (train/trainer_utils.py)."""
_CONTINUED = ("adapter_name_or_path", "lora_model_dir", "adapters")
"""Keys that name an adapter to go on from: LLaMA-Factory, axolotl, ms-swift."""
_ANEW = ("create_new_adapter",)
_ALIGNING = frozenset({"DPO", "KTO", "CPO", "BCO", "GRPO", "PPO", "RLOO", "GKD"})
"""Trainers that are usually given an adapter which another training made before."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """``rate`` is the highest learning rate, ``total`` the sum over ``steps``, the most that the run's files allow.

    ``scheduled`` says that the sum follows the schedule; else it is the highest rate in every step. ``bound`` is how
    far the optimizer can move a number; its rates are the schedule's where logged rates agree with it, else the highest
    one throughout. It is None where there are too many steps to follow. ``sure`` are the steps that certainly made the
    run's own adapter, ``least`` the sum of the claimed rates over them.
    """

    rate: float
    steps: int
    total: float
    scheduled: bool
    bound: Bound | None
    sure: int
    least: float


def why_not_from_zero(run: Run, config: AdapterConfig) -> str | None:
    """Why lora_B did not move from zero at the run's learning rate; None where it did."""
    if config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        return "whether lora_B started at zero is not known"
    return rate_of_its_own(run)


def rate_of_its_own(run: Run) -> str | None:
    """Why lora_B has other rates than lora_A; None where nothing says so."""
    found = next(_given(run, _LORA_PLUS), None)
    return None if found is None else f"{found[0]} gives lora_B a rate of its own ({found[1]})"


def claimed_steps(run: Run, ledger: Ledger) -> Claimed | str:
    """What the run's files claim of its rates and steps; or why no weights can be held against them."""
    word = str(ledger.value("optim", EFFECTIVE, DECLARED)).rpartition(".")[2].lower()
    if word not in ADAMS | LIONS or any(_given(run, _OTHER_OPTIMIZERS)):
        return "the optimizer is not known to be Adam with moments in full precision"
    several = next(_given(run, _SEVERAL_RATES), None)
    if several is not None:
        return f"{several[0]} gives some modules a rate of their own ({several[1]})"
    rate = max(_positive(ledger.value("learning_rate", role)) for role in (EFFECTIVE, DECLARED))
    steps, sure = _most_steps(run, ledger), _sure_steps(run, ledger)
    if not rate or not steps:
        return "no file says both the learning rate and the steps that were taken"
    if steps > _MOST_STEPS:
        return f"{steps:,} steps are too many to follow"
    named, highest = _schedule(run, ledger), max(rate, _logged(run))
    shares = None if named is None else _shares(named, steps)
    return Claimed(
        rate=rate,
        steps=steps,
        total=highest * _sum(shares, steps, steps),
        scheduled=shares is not None,
        bound=None if steps > _FOLLOWED else _bound(run, ledger, highest, steps, shares, word),
        sure=sure,
        least=rate * _sum(shares, sure, steps),
    )


def why_not_from_the_start(run: Run) -> str | None:
    """Why more may have moved the weights from where they began than the steps that are claimed; None without reason.

    An adapter that another training made, and attempts that ran out of memory before: they leave the weights moved
    (accelerate 1.15.0, utils/memory.py, ``find_executable_batch_size``).
    """
    trainer = trainer_of(run.root) or next(filter(None, map(trainer_of, run.checkpoints)), None)
    if trainer in _ALIGNING:
        return f"{trainer} usually goes on from an adapter that another training made"
    found = declared_start(run)
    if found is not None:
        return found
    arguments = received(run)
    if arguments is not None and arguments.values.get("auto_find_batch_size") is True:
        return "attempts with larger batches may have moved the weights before (auto_find_batch_size)"
    return None


def declared_start(run: Run) -> str | None:
    """The clause that says where a file names an adapter that training went on from; None where none does.

    LLaMA-Factory merges it into the base and begins a new one where ``create_new_adapter`` is true.
    """
    found = next(_given(run, _CONTINUED), None)
    return (
        None
        if found is None or any(_given(run, _ANEW))
        else f"{found[0]} names an adapter that training went on from ({found[1]})"
    )


def has_adam_state(run: Run) -> bool:
    """Whether a checkpoint's optimizer bounds the weights more sharply than claims can."""
    return any(state.kind == "adamw" for state in run.all(OptimizerState))


def _given(run: Run, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(file, key) for every key of the declared settings or the training arguments that holds something."""
    arguments = received(run)
    sources = [] if run.recipe is None else [(run.recipe.path, run.recipe.raw)]
    sources += [] if arguments is None else [(arguments.path, arguments.values)]
    yield from ((path, key) for path, values in sources for key in keys if values.get(key))


def _most_steps(run: Run, ledger: Ledger) -> int:
    """The steps that may have made the run's own adapter: its own state's, else all that were planned.

    A checkpoint's count says nothing of an adapter that was saved after it.
    """
    states = run.all(TrainerState)
    counts = [ledger.value("global_step", RECORDED), *(state.global_step for state in states)]
    if run.root.one(TrainerState) is None:
        counts += [state.max_steps for state in states]
    return int(max(map(_positive, counts), default=0))


def _sure_steps(run: Run, ledger: Ledger) -> int:
    """The steps that certainly made the run's own adapter: those of the best checkpoint where it may be that."""
    taken = ledger.value("global_step", RECORDED)
    arguments, state = received(run), run.latest(TrainerState)
    loads = arguments is not None and arguments.values.get("load_best_model_at_end") is True
    if loads and state is not None and state.best_checkpoint is not None:
        taken = best_step(state)
    return int(_positive(taken))


def _sum(shares: Sequence[float] | None, until: int, steps: int) -> float:
    """The sum of the multipliers of the first steps; of a long schedule, whose steps are sampled, by its mean."""
    if shares is None:
        return float(until)
    count = min(len(shares), math.ceil(len(shares) * until / steps))
    return until * math.fsum(shares[:count]) / count if count else 0.0


def _schedule(run: Run, ledger: Ledger) -> Named | None:
    """The schedule that the training arguments name; None where it has no closed form."""
    arguments = received(run)
    total = ledger.value("max_steps", RECORDED)
    if arguments is None or not isinstance(total, int) or total < 1:
        return None
    named = of_arguments(arguments.values, total)
    if isinstance(named, str) or why_no_form(named.kind, named.schedule) is not None:
        return None
    return named


def _shares(named: Named, steps: int) -> Sequence[float] | None:
    """The schedule's multiplier at every step; of very many steps at some, evenly. None where it has none."""
    stride = 1 if steps <= _FOLLOWED else steps // _SAMPLED
    try:
        return [factor(named.kind, step, named.schedule) for step in range(0, steps, stride)]
    except (ValueError, OverflowError):  # steps beyond those that were planned, under absurd options
        return None


def _bound(
    run: Run, ledger: Ledger, rate: float, steps: int, shares: Sequence[float] | None, word: str
) -> Bound:
    rates = [rate] * steps if shares is None else [rate * share for share in shares]
    if not _agrees(run, rates):
        rates = [rate] * steps
    beta1, beta2 = (
        _beta(ledger.value(key, EFFECTIVE, DECLARED), default)
        for key, default in zip(("adam_beta1", "adam_beta2"), BETAS, strict=True)
    )
    decay = ledger.value("weight_decay", EFFECTIVE, DECLARED)
    known = float(decay) if is_number(decay) and 0 <= decay < math.inf else None
    return Bound(rates, None if word in LIONS else (beta1, beta2), known)


def _agrees(run: Run, rates: Sequence[float]) -> bool:
    """Whether rates were logged, and none is above those of the steps around it.

    Releases before ``best_global_step`` log the next step's rate (transformers 4.46.3), newer ones the one in use.
    """
    rows = [row for state in run.all(TrainerState) for row in state.logged("learning_rate")]
    return bool(rows) and all(
        1 <= step <= len(rates) and value <= max(rates[max(0, step - 2) : step + 1]) * (1 + MARGIN)
        for step, value in rows
    )


def _logged(run: Run) -> float:
    """The highest rate in any log; 0.0 where none was logged."""
    states = run.all(TrainerState)
    return max(
        (_positive(value) for state in states for _, value in state.logged("learning_rate")), default=0.0
    )


def _positive(value: object) -> float:
    return max(0.0, float(value)) if is_number(value) and math.isfinite(value) else 0.0


def _beta(value: object, default: float) -> float:
    return float(value) if is_number(value) and 0 < value < 1 else default
