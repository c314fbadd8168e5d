"""What a rerun of the declared recipe says about its settings.

The rerun trains with the plan's settings and compares each committed file with its own (initial LoRA
matrices, curve, weights, optimizer, scheduler, random generators). An aspect that is identical, or
equivalent within the noise floor measured on this machine, could not have come out so under another value
of the settings that act on it, as far as that floor resolves; a setting that no file states is not marked.
An aspect that diverged does not tell which setting is to blame, so it contradicts the recipe as a whole and
no single claim.
"""

from collections.abc import Iterator, Mapping

from auditor.claims import DECLARED, EFFECTIVE, RECORDED, Ledger
from auditor.evidence._against import same
from auditor.evidence._say import contradicted, number, unverifiable, verified
from auditor.model import Aspect, Evidence, RerunResult, Verdict
from auditor.runs import Run

_SCHEDULE = ("learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps")
ACTS_ON: Mapping[str, tuple[str, ...]] = {
    "init": ("seed", "r"),
    "curve": (
        *_SCHEDULE,
        "gradient_accumulation_steps",
        "per_device_train_batch_size",
        "dataset",
        "max_length",
    ),
    "weights": (
        *(*_SCHEDULE, "seed", "r", "lora_alpha", "lora_dropout", "target_modules", "quantization"),
        *(
            "gradient_accumulation_steps",
            "per_device_train_batch_size",
            "dataset",
            "base_model",
            "max_length",
        ),
        *("optim", "weight_decay", "max_grad_norm"),
    ),
    "optimizer": ("optim", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon"),
    "scheduler": _SCHEDULE,
    "rng": ("seed",),
}
"""Aspect -> the settings whose change moves it (measured: another value of any of them leaves other bits)."""
_CLOSE = (Verdict.IDENTICAL, Verdict.EQUIVALENT)


def weigh(run: Run, ledger: Ledger, rerun: RerunResult) -> Iterator[Evidence]:
    """Test the settings of the plan, and the derived claim ``recipe``."""
    if rerun.run != run.name:
        return
    marked: set[str] = set()
    for aspect in sorted(rerun.aspects, key=lambda item: -item.verdict):
        if aspect.verdict in _CLOSE:
            for item in _settings(aspect, ledger, rerun):
                if item.claim not in marked:
                    marked.add(item.claim)
                    yield item
    yield _recipe(rerun)


def _settings(aspect: Aspect, ledger: Ledger, rerun: RerunResult) -> Iterator[Evidence]:
    floor = (
        f" (distance {number(aspect.distance or 0.0)}, floor {number(aspect.floor)})" if aspect.floor else ""
    )
    for key in ACTS_ON.get(aspect.aspect, ()):
        setting, stated = rerun.plan.settings.get(key), ledger.statement(key, DECLARED, EFFECTIVE, RECORDED)
        if setting is None or setting.assumed or stated is None or not same(key, stated.value, setting.value):
            continue
        says = f"a rerun with this value is {aspect.verdict.word} in its {aspect.aspect}{floor}"
        yield verified(key, says, aspect.why, None, *((aspect.at,) if aspect.at else ()))


def _recipe(rerun: RerunResult) -> Evidence:
    if rerun.verdict in _CLOSE:
        weighed = any(a.aspect == "weights" and a.verdict is not Verdict.INCONCLUSIVE for a in rerun.aspects)
        says = f"the rerun{rerun.plan.of_what} is {rerun.verdict.word} to what was committed"
        if not weighed:
            return unverifiable("recipe", f"{says}, and no weights could be compared")
        return verified("recipe", says, rerun.why, rerun.verdict.word)
    apart = [aspect for aspect in rerun.aspects if aspect.verdict is Verdict.DIVERGED]
    if rerun.verdict is not Verdict.DIVERGED or not apart:
        return unverifiable(
            "recipe", f"the rerun is {rerun.verdict.word}: {rerun.why or 'nothing to compare'}"
        )
    where = rerun.first_divergence.says if rerun.first_divergence else ""
    says = f"the rerun of the recipe diverged in {', '.join(dict.fromkeys(a.aspect for a in apart))}"
    paths = tuple(dict.fromkeys(a.at for a in apart if a.at))
    return contradicted("recipe", says, where or apart[0].why, rerun.verdict.word, *paths)
