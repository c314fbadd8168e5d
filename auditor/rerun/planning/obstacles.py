"""What keeps a plan from being run: each a sentence that says which file says so."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from auditor.architectures._names import module_key
from auditor.architectures._structure import structures
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.claims import Ledger
from auditor.model import Setting
from auditor.rerun.child.job import JobError, settings_from
from auditor.rerun.planning import conversations, extras
from auditor.rerun.planning.given import given
from auditor.rerun.planning.methods import is_full, shape_of_another
from auditor.rerun.planning.shards import several
from auditor.rerun.planning.trainers import COMMAND, TRAINERS, refusals
from auditor.runs import Run

STOOD = (None, "sft", "default", "generic")
"""Declared trainers that the reference pipeline stands for: next-token prediction on rows of text."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LAYER = re.compile(r"[^0-9]*?(\d{1,6})(?=\.)")
"""The beginning of a module's name up to its layer: ``layers.12``, ``decoder.layers.0``."""
_LORA_EXTRAS = (
    "layer_replication",
    "lora_bias",
    "use_qalora",
    "use_bdlora",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "ensure_weight_tying",
)
"""Keys of adapter_config.json that change what is trained and that the child does not set (peft 0.21.2)."""
_VOCABULARIES = ("embed_tokens", "lm_head", "wte")
"""Modules with a row for each token."""
_BY_EVALUATIONS = "reduce_lr_on_plateau"
"""The one schedule whose rates do not follow from the step (transformers 5.23.0, trainer_utils.py)."""
_ARGUMENT_EXTRAS: Mapping[str, tuple[object, ...]] = {
    "deepspeed": (None, "", {}),
    "fsdp": (None, "", [], False),
}
"""Training arguments without effect at these values, and unknown to the child at any other."""


def obstacles(
    run: Run,
    ledger: Ledger,
    settings: Mapping[str, Setting],
    total: int | None,
    base: Path | None,
    data: Path | None,
) -> tuple[str, ...]:
    """Every reason, in the order a user would mend them; empty when training can start."""
    if settings["trainer"].value == COMMAND:
        return tuple(dict.fromkeys((*_base(run, ledger, base), *_data(ledger, data))))
    return tuple(
        dict.fromkeys(
            (
                *_adapter(run),
                *_trainer(run, settings),
                *_schedule(settings["lr_scheduler_type"]),
                *_base(run, ledger, base),
                *_data(ledger, data),
                *conversations.obstacles(run, ledger, settings, base, data),
                *_typed(settings),
                *_total(total),
            )
        )
    )


def _adapter(run: Run) -> Iterator[str]:
    if is_full(run):
        return
    config = run.one(AdapterConfig)
    if config is None:
        yield "no readable adapter_config.json says what was trained"
        return
    if config.peft_type != "LORA":
        yield f"{config.path} is of type {config.peft_type or 'unknown'}; only LORA is rerun"
    if config.pattern_problem:
        yield f"{config.path}: target_modules {config.pattern_problem}"
    for key in _LORA_EXTRAS:
        if config.raw.get(key):
            yield f"{config.path} sets {key}, which the reference training does not do"


def _trainer(run: Run, settings: Mapping[str, Setting]) -> Iterator[str]:
    recipe, chosen = run.recipe, settings["trainer"]
    # Where a platform's source is public, a configuration that names no trainer leaves it to training_args.bin.
    unnamed = recipe is not None and recipe.documented and recipe.trainer is None
    stood = (*STOOD, chosen.value)
    if recipe is not None and recipe.trainer not in stood and not unnamed and chosen.value != COMMAND:
        says = TRAINERS[str(chosen.value)].says
        yield f"{recipe.path} declares the trainer {recipe.trainer!r}, for which {says} does not stand"
    yield from refusals(run, chosen, settings["quantization"].value)
    by, arguments = given(run)
    path = by.partition("#")[0]
    for key, neutral in _ARGUMENT_EXTRAS.items():
        if key in arguments and arguments[key] not in neutral:
            yield f"{path} sets {key} = {arguments[key]}, which the reference training does not do"
    column = arguments.get("length_column_name", "length")
    if column != "length" and extras.by_length(run):
        yield f"{path} takes the lengths of rows from a column {column!r}, which the rerun does not read"
    if arguments.get("trust_remote_code"):
        yield f"{path} sets trust_remote_code: the run executed a repository's code, which is never done here"
    if (counted := several(run)) is not None:
        yield counted


def _schedule(kind: Setting) -> Iterator[str]:
    if kind.value == _BY_EVALUATIONS:
        yield f"{kind.source} is {kind.value}: its rate follows from evaluations, which a rerun does not make"


def _base(run: Run, ledger: Ledger, base: Path | None) -> Iterator[str]:
    if base is None:
        yield "no base model was given (--base DIR)"
        return
    if not (base / "config.json").is_file():
        yield f"{base.name} holds no config.json, so it is not a base model's folder (--base DIR)"
        return
    if run.base is not None and run.base_source == "given":
        yield from _same_model(run.base, run.one(AdapterConfig))
        yield from _same_shapes(run.base, run.one(AdapterWeights))
    if is_full(run):
        says = shape_of_another(run, base)
        if says is not None:
            yield says
    yield from _other_revision("base model", ledger.value("base_revision"), base)


def _same_model(base: BaseConfig, config: AdapterConfig | None) -> Iterator[str]:
    if base.auto_map:
        yield "the base model's config.json holds auto_map: it asks for code of its own, which is never run"
    wanted = config.base_model_class if config else None
    if config and wanted and base.architectures and wanted not in base.architectures:
        yield f"{config.path} names the base class {wanted}, the base given is a {base.architectures[0]}"


def _same_shapes(base: BaseConfig, weights: AdapterWeights | None) -> Iterator[str]:
    """The first committed LoRA pair that does not fit the layer of the base given."""
    built = structures(base)
    tables = () if isinstance(built, str) else [structure.by_key() for structure in built]
    layers = {
        key: (m.in_features, m.out_features) for table in tables for key, m in table.items() if m.is_linear
    }
    for module, pair in weights.pairs().items() if weights else ():
        fits = layers.get(module_key(module))
        if fits is None or pair.a is None or pair.b is None or pair.is_embedding:
            continue
        found = (pair.a.shape[-1], pair.b.shape[0])
        if found != fits:
            yield (
                f"{module} takes {found[0]} inputs and gives {found[1]} outputs in the committed adapter, "
                f"{fits[0]} and {fits[1]} in the base given"
            )
            return
    yield from _other_layers(weights, set(layers))
    yield from _other_vocabulary(base, weights)


def _other_layers(weights: AdapterWeights | None, known: Collection[tuple[str, str]]) -> Iterator[str]:
    """The first adapted layer whose number the base given lacks.

    Names of modules differ between releases, numbers of layers do not.
    """
    there = {(tower, match[0]) for tower, name in known if (match := _LAYER.match(name)) is not None}
    stacks = {(tower, layer.rpartition(".")[0]) for tower, layer in there}
    for module in weights.pairs() if weights else ():
        tower, name = module_key(module)
        match = _LAYER.match(name)
        if match is None or (tower, match[0].rpartition(".")[0]) not in stacks:
            continue
        if (tower, match[0]) not in there:
            yield f"{module} is in the committed adapter, and the base given has no layer {match[1]}"
            return


def _other_vocabulary(base: BaseConfig, weights: AdapterWeights | None) -> Iterator[str]:
    """Embeddings of more tokens than the base has: the script added some, and what they stand for is in its rows.

    ``resize_token_embeddings`` draws their first values (transformers 5.23.0, modeling_utils.py).
    """
    if weights is None or not base.vocab_size:
        return
    for name in weights.others():
        module, shape = name.rpartition(".")[0].rpartition(".")[2], weights.info(name).shape
        rows = shape[0] if shape else 0
        if module in _VOCABULARIES and rows != base.vocab_size:
            yield (
                f"{name} has {rows:,} rows in the committed adapter, and the base given "
                f"{base.vocab_size:,} tokens: the script gave its tokenizer others, which a rerun does not do"
            )
            return


def _data(ledger: Ledger, data: Path | None) -> Iterator[str]:
    if data is None:
        yield "no training data was given (--data PATH)"
    elif not data.is_file():
        yield f"{data.name} is no file; give the .jsonl, .csv or .parquet file of rows (--data PATH)"
    else:
        yield from _other_revision("dataset", ledger.value("dataset_revision"), data)


def _other_revision(what: str, recorded: object, path: Path) -> Iterator[str]:
    """A hub cache keeps snapshots in folders named by their commit; another commit is another file."""
    given = next((part for part in reversed(path.parts) if _COMMIT.fullmatch(part)), None)
    if given is None or not isinstance(recorded, str) or not _COMMIT.fullmatch(recorded):
        return
    if given != recorded:
        yield f"the {what} given is revision {given[:12]}, the run records {recorded[:12]}"


def _typed(settings: Mapping[str, Setting]) -> Iterator[str]:
    """The child's own refusal of the settings, with the source of the one it names."""
    try:
        settings_from({key: setting.value for key, setting in settings.items()})
    except JobError as error:
        says = str(error).removeprefix("settings").lstrip(".: ")
        named = next((key for key in settings if says.startswith(f"{key}:")), None)
        yield f"{says} ({settings[named].source})" if named else says


def _total(total: int | None) -> Iterator[str]:
    if total is None:
        yield "no file says how many steps the schedule had (trainer_state.json would, as max_steps)"
