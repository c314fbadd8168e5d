"""A declared limit of samples against the rows that the run drew, and those that the card speaks of.

LLaMA-Factory's ``max_samples`` cuts every data set of the list to that many examples (llamafactory 0.9.5,
data/loader.py). An optimizer step draws at least train_batch_size x gradient_accumulation_steps rows, but for the last
one of an epoch, so an epoch of more rows than the limit allows was not cut. Packing makes fewer rows of the samples and
never more; pre-training texts are cut into pieces, streams and interleaved sets repeat rows: there nothing follows. A
card that speaks of ten times the limit and never of the limit itself describes another training; less is left alone,
for a card may describe the whole set of which a part was drawn.
"""

import math
import re
from collections.abc import Iterator, Mapping

from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import EFFECTIVE, Ledger
from auditor.evidence._say import contradicted, number, unverifiable, whole
from auditor.model import Evidence
from auditor.recipes._base import Stated
from auditor.runs import Run

CLAIM = "max_samples"
FACTOR = 10
_BODY = 200_000
"""Characters of a card that are searched."""
_COUNT = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3}){1,3}|\d{3,9})\s{0,2}(?:条|个)?\s{0,2}(?:[A-Za-z-]{1,20}\s){0,3}"
    r"(?:samples|examples|rows|records|pairs|conversations|样本)"
)


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test a declared max_samples; fewer rows than the limit prove nothing."""
    recipe = run.recipe
    stated = recipe.settings.get(CLAIM) if recipe else None
    limit = whole(stated.meant) if stated else None
    if recipe is None or stated is None or limit is None or limit < 1:
        return
    if recipe.raw.get("streaming") or recipe.trainer == "pt" or _repeats(recipe.raw):
        yield unverifiable(CLAIM, "rows are streamed, repeated or cut into pieces here", recipe.path)
        return
    most = limit * _datasets(recipe.raw)
    found = _drawn(run, ledger, most, stated, recipe.path) or _described(run, most, stated, recipe.path)
    yield found or unverifiable(CLAIM, "no file tells how many rows an epoch had", recipe.path)


def _drawn(run: Run, ledger: Ledger, most: int, stated: Stated, path: str) -> Evidence | None:
    state = run.latest(TrainerState)
    if state is None or not state.global_step or not state.epoch or state.epoch <= 0:
        return None
    batch = state.train_batch_size or whole(ledger.value("per_device_train_batch_size", EFFECTIVE)) or 1
    rows = batch * (whole(ledger.value("gradient_accumulation_steps", EFFECTIVE)) or 1)
    full = state.global_step - math.ceil(state.epoch)
    least = full * rows / state.epoch
    if least <= most:
        return None
    allowed = f"{stated.key} {stated.value} allows {number(most)} rows an epoch"
    says = f"{allowed}, and the run drew {number(int(least))} or more"
    detail = f"({number(full)} full steps x {rows} rows) / {number(state.epoch)} epochs"
    return contradicted(CLAIM, says, detail, int(least), state.path, path)


def _described(run: Run, most: int, stated: Stated, path: str) -> Evidence | None:
    card = run.root.one(ModelCard)
    if card is None:
        return None
    body = card.body[:_BODY]
    counts = [int(match.group(1).replace(",", "")) for match in _COUNT.finditer(body)]
    largest = max(counts, default=0)
    if largest < FACTOR * most or re.search(rf"(?<!\d){stated.value}(?!\d)", body):
        return None
    says = f"{stated.key} {stated.value} is declared, and the card speaks of {number(largest)} samples"
    return contradicted(CLAIM, says, "", largest, card.path, path)


def _datasets(raw: Mapping[str, object]) -> int:
    """How many sets are listed, each of which is cut by itself."""
    value = raw.get("dataset")
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return max(len(items), 1)


def _repeats(raw: Mapping[str, object]) -> bool:
    return str(raw.get("mix_strategy", "")).startswith("interleave")
