"""The order in which rows were drawn: what files tell of it, and the other orders that are common.

Who draws by which seed, by release (transformers trainer.py, accelerate data_loader.py):

* transformers 4.30 to 4.37 draw with torch's RandomSampler, whose seed comes from torch's generator when an epoch
  begins; from 4.38 on Accelerate's SeedableRandomSampler takes its place, seeded by ``seed`` plus the epoch
  (``accelerator_config``, ``use_seedable_sampler``).
* ``data_seed`` is followed from 4.46 on, with accelerate 1.1 or newer; before, only the name was there.
* ``train_sampling_strategy`` can be sequential since 5.3; before, scripts override ``_get_train_sampler``.

No file of any release tells that a script shuffled its data set beforehand.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.claims import Ledger
from auditor.model import Alternative, Setting, VersionRange, version_key
from auditor.rerun.child.extras import SEQUENTIAL
from auditor.rerun.planning.given import given
from auditor.runs import Run

STRATEGY, SEEDABLE, SHUFFLED, DATA_SEED = (
    *("train_sampling_strategy", "use_seedable_sampler", "shuffle_seed", "data_seed"),
)
USUAL_SEED = 42
"""TrainingArguments' own default, and the seed of most tutorials."""
_FOLLOWED_SINCE = "4.46"
USED = "used_rows"
UNTOLD = "the order of rows is told by no file"


def of_run(run: Run) -> Mapping[str, Setting]:
    """The settings of the order besides ``data_seed``; assumed where the run's own arguments do not tell them."""
    by, values = given(run)
    config = values.get("accelerator_config")
    found = {SHUFFLED: Setting(None, "no file tells it: rows as they are in the data", assumed=True)}
    if STRATEGY in values:
        found[STRATEGY] = Setting(values[STRATEGY], f"{by}{STRATEGY}")
    else:
        found[STRATEGY] = Setting("random", "no file says it: the Trainer's own sampler", assumed=True)
    if isinstance(config, Mapping) and isinstance(config.get(SEEDABLE), bool):
        found[SEEDABLE] = Setting(config[SEEDABLE], f"{by}accelerator_config/{SEEDABLE}")
    elif values and config is None:
        says = f"{by}accelerator_config is missing: transformers before 4.38 has none and draws so"
        found[SEEDABLE] = Setting(False, says)
    else:
        found[SEEDABLE] = Setting(True, "no file says it: the Trainer's own sampler", assumed=True)
    return found


def is_told(run: Run) -> bool:
    """Whether files tell who drew the rows: the Trainer's arguments, or a platform's recipe with its seed.

    A platform draws as it always does, where a script may do anything.
    """
    return bool(given(run)[1]) or (run.recipe is not None and "seed" in run.recipe.settings)


def readings(ledger: Ledger, known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """Other orders, the likeliest first: open ones where no file tells, slips where the run did not as it says."""
    if not {STRATEGY, SEEDABLE, SHUFFLED, DATA_SEED, "seed"} <= set(known):
        return
    yield from _in_file_order(known)
    yield from _shuffled_before(known)
    if known[STRATEGY].value != "random":
        return
    yield from _other_seeds(ledger, known)
    if known[SEEDABLE].assumed:
        other = not known[SEEDABLE].value
        says = f"{SEEDABLE} = {other}: no file says it, and releases differ"
        yield Alternative({SEEDABLE: other}, says, open=True, name="rows drawn by torch's own RandomSampler")


def is_order(reading: Alternative) -> bool:
    """Whether a reading differs from the plan by the rows that are drawn alone, so that the first loss shows it."""
    keys = set(reading.changes)
    return keys <= {STRATEGY, SEEDABLE, SHUFFLED, DATA_SEED} or USED in keys


def _in_file_order(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """File order, unless that is what is declared."""
    strategy, name = known[STRATEGY], "rows in file order"
    if strategy.value != SEQUENTIAL:
        why = UNTOLD if strategy.assumed else f"the declared order was not applied ({strategy.source})"
        says = f"{name} ({STRATEGY} = {SEQUENTIAL}): {why}"
        yield Alternative({STRATEGY: SEQUENTIAL}, says, open=strategy.assumed, name=name)


def _shuffled_before(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """``dataset.shuffle(seed=...)`` before training; without a seed it takes NumPy's, which is the run's."""
    for seed in usual_seeds(known):
        name = f"rows shuffled beforehand by seed {seed}"
        yield Alternative({SHUFFLED: seed}, f"{name}: no file tells it", open=True, name=name)


def usual_seeds(known: Mapping[str, Setting]) -> Sequence[int]:
    """Seeds by which scripts shuffle: the run's own, and the usual one."""
    own = known["seed"].value
    seeds = [own] if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else []
    return list(dict.fromkeys((*seeds, USUAL_SEED)))


def _other_seeds(ledger: Ledger, known: Mapping[str, Setting]) -> Iterator[Alternative]:
    declared, seed = known[DATA_SEED], known["seed"].value
    if declared.value is not None and declared.value != seed:
        follows = _follows_data_seed(ledger)
        why = "the data_seed was not applied" if follows else "releases before 4.46 do not follow a data_seed"
        yield Alternative({DATA_SEED: None}, f"{DATA_SEED} = None: {why}", open=not follows)
    elif declared.value is None and seed != USUAL_SEED:
        why = UNTOLD if declared.assumed else f"another seed drew the rows ({declared.source})"
        yield Alternative(
            {DATA_SEED: USUAL_SEED}, f"{DATA_SEED} = {USUAL_SEED}: {why}", open=declared.assumed
        )


def _follows_data_seed(ledger: Ledger) -> bool:
    """Whether files prove a release whose sampler follows ``data_seed``."""
    wrote = ledger.derived("transformers_version")
    low = wrote.low if isinstance(wrote, VersionRange) else None
    return low is not None and version_key(low) >= version_key(_FOLLOWED_SINCE)
