"""Which releases of Transformers can have written the run's files.

Each file bounds the release: the keys of trainer_state.json (fields of TrainerState in every minor release from
4.30 on), the fields of the training arguments (of TrainingArguments; a subclass may bring a dropped field back, so
its fields only narrow), the model class (the oldest release whose auto classes name it), the release that
``config.to_json_string()`` writes into the event file's model_config text, scaler.pt (trainer.py ``_save_scaler``,
from 4.49.0), and the module names in the adapter: 17 classes for images and text were rearranged in 4.52 (Gemma 3's
language model moved from ``language_model.model`` to ``model.language_model``). The range is the
intersection. Only files of the last checkpoint are used, because a resumed run may have begun under another release.
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.artifacts.versions import (
    ARGUMENTS_CLASSES,
    foreign_arguments,
    renaming,
    stated_range,
    transformers_min_for_class,
    transformers_range_from_arguments,
    transformers_range_from_state,
)
from auditor.claims import DECLARED, Ledger
from auditor.evidence._versions import Bound, combine, plausible
from auditor.model import Evidence, VersionRange
from auditor.runs import Run

LAST_NESTED_HEAD = "4.51.3"
"""Last release in which Gemma3ForConditionalGeneration holds its output head inside ``language_model``."""
FEWEST_FIELDS = 100
"""TrainingArguments has 114 fields in 5.23.0 and 132 in 4.46.3; fewer are another class or a selection."""
_GEMMA3 = "Gemma3ForConditionalGeneration"


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Derive ``transformers_version``, whose value is a VersionRange."""
    bounds = (
        *_from_state(run),
        *_from_arguments(run),
        *_from_events(run),
        *_from_class(run),
        *_from_names(run),
        *_from_scaler(run),
        *_from_all_linear(run, ledger),
    )
    yield from combine("transformers_version", "Transformers", bounds)


def _from_state(run: Run) -> Iterator[Bound]:
    state = run.latest(TrainerState)
    dated = transformers_range_from_state(state.keys) if state else None
    if state is not None and dated is not None:
        yield Bound(dated.range, dated.why, state.path)


def _from_arguments(run: Run) -> Iterator[Bound]:
    arguments = run.latest(TrainingArgs)
    if arguments is not None:
        yield from _fields(arguments.values, arguments.path, arguments.class_name)


def _fields(values: Mapping[str, object], path: str, class_name: str | None = None) -> Iterator[Bound]:
    """Bounds from the fields of complete training arguments; a part of them proves nothing by absence."""
    if "output_dir" not in values or len(values) < FEWEST_FIELDS:
        return
    dated = transformers_range_from_arguments(values, class_name)
    known = class_name is None or class_name in ARGUMENTS_CLASSES
    if dated is not None:
        firm = known and not foreign_arguments(values, class_name)
        yield Bound(dated.range, f"TrainingArguments: {dated.why}", path, firm)


def _from_events(run: Run) -> Iterator[Bound]:
    for log in run.events[-1:]:
        yield from _fields(log.args(), log.path)
        version = log.model_config().get("transformers_version")
        if plausible(version):
            span = stated_range(version, "transformers")
            yield Bound(span, f"the model_config text names {version}", log.path)


def _from_class(run: Run) -> Iterator[Bound]:
    config = run.latest(AdapterConfig)
    name = config.base_model_class if config else None
    low = transformers_min_for_class(name) if name else None
    if config is not None and low is not None:
        yield Bound(VersionRange(low, None), f"`{name}` came with Transformers {low}", config.path)


def _from_names(run: Run) -> Iterator[Bound]:
    weights, config = run.latest(AdapterWeights), run.latest(AdapterConfig)
    renamed = renaming(config.base_model_class) if config else None
    if weights is None or renamed is None:
        return
    old = next((module for module in weights.pairs() if renamed.is_old(module)), None)
    if old is not None:
        why = f"modules are named as up to Transformers {renamed.last} ({old[:80]})"
        yield Bound(VersionRange(None, renamed.last), why, weights.path)
    new = next((module for module in weights.pairs() if renamed.is_new(module)), None)
    if new is not None:
        why = f"modules are named as from Transformers {renamed.first} on ({new[:80]})"
        yield Bound(VersionRange(renamed.first, None), why, weights.path)


def _from_scaler(run: Run) -> Iterator[Bound]:
    """Not firm: own training loops write scaler.pt too, and releases before the state's callbacks did."""
    state = run.latest(TrainerState)
    if state is None or "stateful_callbacks" not in state.keys:
        return
    for _, blob in run.blobs("scaler.pt"):
        why = "the Trainer writes scaler.pt from Transformers 4.49 on"
        yield Bound(VersionRange("4.49.0", None), why, blob.path, firm=False)
        return


def _from_all_linear(run: Run, ledger: Ledger) -> Iterator[Bound]:
    """Not firm: a platform may resolve all-linear itself."""
    config = run.latest(AdapterConfig)
    if config is None or config.base_model_class != _GEMMA3:
        return
    if ledger.value("target_modules", DECLARED) != "all-linear" or "lm_head" not in config.target_order:
        return
    why = (
        "all-linear left the output head in, which PEFT does only where it lies inside language_model, "
        "as up to Transformers 4.51"
    )
    yield Bound(VersionRange(None, LAST_NESTED_HEAD), why, config.path, firm=False)
