"""The ledger of a run -> every setting of the training child, each with the file it was taken from."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace

from auditor.artifacts._fields import INTEGER_LIMIT, is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.claims import DECLARED, DESCRIBED, EFFECTIVE, RECORDED, Ledger, same_value
from auditor.model import Alternative, Setting, Statement, Status
from auditor.rerun.child.job import Settings
from auditor.rerun.planning import converted, extras, gone_on, padding, row_order, stored
from auditor.rerun.planning.given import given
from auditor.rerun.planning.methods import settled, truncation
from auditor.rerun.planning.spans import restarting
from auditor.runs import Run

NOT_SAID = "no file says it: default of {}"
PIPELINE = "choice of the reference pipeline"
_ORDER = (EFFECTIVE, RECORDED, DECLARED, DESCRIBED)

_PLAIN: Mapping[str, tuple[str, ...]] = {
    "TrainingArguments": (
        "seed",
        "data_seed",
        "num_train_epochs",
        "learning_rate",
        "lr_scheduler_type",
        "weight_decay",
        "optim",
        "optim_args",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "gradient_checkpointing",
        "logging_strategy",
        "logging_steps",
        "logging_first_step",
        "save_strategy",
        "save_steps",
    ),
    "LoraConfig": (
        "r",
        "lora_alpha",
        "lora_dropout",
        "bias",
        "target_modules",
        "task_type",
        "use_rslora",
        "use_dora",
        "init_lora_weights",
        "modules_to_save",
    ),
    "the data contract": ("text_column", "add_eos_token", "max_length", "block_size"),
}
"""Settings whose name in the ledger is the child's, by whom their default belongs to."""
_NEVER_HYPOTHESES = frozenset(
    {"max_steps", "logging_steps", "logging_strategy", "save_steps", "save_strategy", "target_modules"}
)
"""Keys whose sources differ by spelling (a ratio, "all-linear") or without effect on the weights."""
_UNLISTED = ("logging_first_step", "optim_args")

Chosen = dict[str, Setting]


def choose(run: Run, ledger: Ledger) -> tuple[Mapping[str, Setting], tuple[Alternative, ...]]:
    """Every setting that needs no arithmetic over steps, and what other sources would have instead."""
    chosen: Chosen = {}
    others: list[Alternative] = []
    for owner, keys in _PLAIN.items():
        for key in keys:
            chosen[key] = _unlisted(run, key) or _plain(ledger, key, owner)
            others.extend(_others(ledger, key, chosen[key]))
    for key, value, found in (_batch(run, ledger), _accumulation(ledger)):
        chosen[key] = value
        others.extend(found)
    chosen |= stored.taken(run.latest(OptimizerState), chosen)
    chosen |= converted.trained_with(run, chosen)
    others.extend(_precision(run, ledger, chosen))
    others.extend(_quantization(run, ledger, chosen))
    if chosen["max_length"].assumed:
        chosen["max_length"] = truncation(run) or chosen["max_length"]
    unusual, more = extras.of_run(run)
    others.extend(more)
    chosen.update({**row_order.of_run(run), **unusual, **padding.settings(ledger), **_names(run)})
    chosen["attn_implementation"] = Setting(DEFAULTS["attn_implementation"], PIPELINE, assumed=True)
    chosen["save_total_limit"] = Setting(None, "every checkpoint of the span is kept until it is compared")
    chosen = settled(run, {**chosen, **restarting(run)})
    others = [item for item in others if set(item.changes) <= set(chosen)]
    return chosen, tuple({item.says: item for item in others}.values())


DEFAULTS: Mapping[str, object] = {field.name: field.default for field in fields(Settings)}


def source_of(statement: Statement) -> str:
    """``path#member`` of a statement."""
    return f"{statement.path}#{statement.member}"


def _plain(ledger: Ledger, key: str, owner: str) -> Setting:
    found = ledger.statement(key, *_ORDER)
    if found is None:
        return Setting(DEFAULTS[key], NOT_SAID.format(owner), assumed=True)
    return Setting(_value(found.value), source_of(found))


def _unlisted(run: Run, key: str) -> Setting | None:
    """An argument that is no claim of the ledger, from the Trainer's own."""
    by, arguments = given(run)
    return Setting(arguments[key], f"{by}{key}") if key in _UNLISTED and key in arguments else None


def _value(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in value)
    return list(value) if isinstance(value, tuple) else value


def _others(ledger: Ledger, key: str, chosen: Setting) -> Iterable[Alternative]:
    claim = ledger.get(key)
    if claim is None or key in _NEVER_HYPOTHESES:
        return
    for statement in claim.statements:
        if not same_value(key, statement.value, chosen.value):
            yield _other(key, statement.value, source_of(statement), chosen)


def _other(
    key: str, value: object, source: str, chosen: Setting, changes: Mapping[str, object] | None = None
) -> Alternative:
    says = f"{key} = {value} ({source}), where the plan takes {chosen.value} ({chosen.source})"
    return Alternative({key: _value(value)} if changes is None else changes, says, chosen.assumed)


def _batch(run: Run, ledger: Ledger) -> tuple[str, Setting, list[Alternative]]:
    """The micro-batch that ran, by trainer_state.json: auto_find_batch_size leaves the argument as it was.

    A run that was gone on with keeps in its state the number of the run before, which some releases train on with.
    """
    key = "per_device_train_batch_size"
    stated = _plain(ledger, key, "TrainingArguments")
    ran, others = ledger.statement("train_batch_size", RECORDED), list(_others(ledger, key, stated))
    if ran is None or not isinstance(ran.value, int) or ran.value < 1 or ran.value == stated.value:
        return key, stated, others
    told = any((key, ran.value) in changes for changes in gone_on.before(run).values())
    asked = gone_on.resumes_as_asked(ledger)
    if (told and asked is not False) or gone_on.batch_before(run) is not None:
        kept = replace(_other(key, ran.value, source_of(ran), stated), open=asked is not True)
        return key, stated, others if told and asked else [*others, kept]
    taken = Setting(ran.value, source_of(ran))
    others = [] if stated.assumed else [_other(key, stated.value, stated.source, taken)]
    return key, taken, others


def _accumulation(ledger: Ledger) -> tuple[str, Setting, list[Alternative]]:
    """Effective, else what the arithmetic of tokens found where it contradicts the declared number."""
    key = "gradient_accumulation_steps"
    stated = _plain(ledger, key, "TrainingArguments")
    claim = ledger.get(key)
    derived = _whole(ledger.derived(key))
    if claim is None or claim.status is not Status.CONTRADICTED or derived in (None, stated.value):
        return key, stated, list(_others(ledger, key, stated))
    evidence = next(item for item in claim.evidence if item.outcome is Status.CONTRADICTED)
    found = Setting(derived, f"arithmetic ({evidence.id or 'evidence'}): {evidence.says}")
    if claim.stated_by(EFFECTIVE) is not None:
        return key, stated, [_other(key, derived, found.source, stated)]
    return key, found, [_other(key, stated.value, stated.source, found)]


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value < math.inf and value == int(value) else None


_DTYPES = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "no": "float32",
    "bfloat16": "bfloat16",
    "float16": "float16",
}
_DTYPES |= {"float32": "float32", "none": "float32", "null": "float32", "fp32": "float32"}


def _precision(run: Run, ledger: Ledger, chosen: Chosen) -> Iterable[Alternative]:
    """compute_dtype from mixed precision, which decides autocast; bitsandbytes' own where that is "no"."""
    stated = ledger.statement("mixed_precision", *_ORDER)
    word = None if stated is None else _DTYPES.get(str(stated.value).lower())
    path, config = _quantization_config(run)
    inner = _DTYPES.get(str(config.get("bnb_4bit_compute_dtype")).rpartition(".")[2])
    source = f"{path}#model_config/quantization_config/bnb_4bit_compute_dtype"
    if inner is not None and word in (None, "float32"):
        chosen["compute_dtype"] = Setting(inner, source)
        return
    if stated is None or word is None:
        chosen["compute_dtype"] = Setting("float32", NOT_SAID.format("TrainingArguments"), assumed=True)
        return
    chosen["compute_dtype"] = Setting(word, source_of(stated))
    yield from _others_meaning(
        ledger, "mixed_precision", chosen["compute_dtype"], lambda v: _DTYPES.get(str(v).lower())
    )
    if inner is not None and inner != word:
        yield _other("compute_dtype", inner, source, chosen["compute_dtype"])


def _others_meaning(
    ledger: Ledger, key: str, chosen: Setting, meaning: Callable[[object], object]
) -> Iterable[Alternative]:
    claim = ledger.get(key)
    for statement in claim.statements if claim else ():
        means = meaning(statement.value)
        if means != chosen.value:
            changes = {} if means is None else {"compute_dtype": means}
            yield _other(key, statement.value, source_of(statement), chosen, changes)


_BITS = {"int4": "int4", "4": "int4", "4bit": "int4", "nf4": "int4", "fp4": "int4"}
_BITS |= {"int8": "int8", "8": "int8", "8bit": "int8"}
_LOADED = {"int4": "load_in_4bit", "int8": "load_in_8bit"}


def _quantization(run: Run, ledger: Ledger, chosen: Chosen) -> Iterable[Alternative]:
    """quantization and its details: from the model configuration in the event file, else declared."""
    path, config = _quantization_config(run)
    stated = ledger.statement("quantization", *_ORDER)
    declared = None if stated is None else _BITS.get(str(stated.value).lower(), stated.value)
    if str(declared).lower() in ("none", "no", "false", ""):
        declared = None
    if config:
        loaded = [word for word, key in _LOADED.items() if config.get(key) is True]
        ran = loaded[0] if loaded else None
        chosen["quantization"] = Setting(ran, f"{path}#model_config/quantization_config")
        if stated is not None and declared != ran:
            changes = {"quantization": declared} if declared in (None, "int4", "int8") else {}
            yield _other("quantization", stated.value, source_of(stated), chosen["quantization"], changes)
    elif stated is not None:
        chosen["quantization"] = Setting(declared, source_of(stated))
    else:
        chosen["quantization"] = Setting(None, NOT_SAID.format("from_pretrained"), assumed=True)
    for key in ("bnb_4bit_quant_type", "bnb_4bit_use_double_quant"):
        if key in config:
            chosen[key] = Setting(config[key], f"{path}#model_config/quantization_config/{key}")
        else:
            chosen[key] = Setting(DEFAULTS[key], "no file says it: QLoRA's usual choice", assumed=True)


def _quantization_config(run: Run) -> tuple[str, Mapping[str, object]]:
    """The quantization section of the model configuration that the Trainer wrote to an event file."""
    for log in run.events:
        model = log.model_config()
        section = model.get("quantization_config") if model else None
        if isinstance(section, Mapping):
            return log.path, section
    return "", {}


def _names(run: Run) -> Chosen:
    """What the adapter's configuration calls its base, so that the rerun's files carry the same name."""
    config = run.one(AdapterConfig)
    if config is None:
        return {}
    return {
        "base_model_name_or_path": Setting(
            config.base_model_name_or_path, f"{config.path}#/base_model_name_or_path"
        ),
        "revision": Setting(config.revision, f"{config.path}#/revision"),
    }


def warmup(ledger: Ledger, total: int) -> Setting:
    """warmup_steps, which outrank a ratio; a ratio is translated as ceil(ratio x total).

    Source: transformers 4.51.3 and 5.23.0, training_args.py, get_warmup_steps; 5.x reads a warmup_steps
    below 1 as a ratio.
    """
    steps = ledger.statement("warmup_steps", *_ORDER)
    if steps is not None and is_number(steps.value) and 0 < steps.value < INTEGER_LIMIT:
        if steps.value >= 1:
            return Setting(int(steps.value), source_of(steps))
        return Setting(_share(steps.value, total), f"{source_of(steps)} = {steps.value} of {total} steps")
    ratio = ledger.statement("warmup_ratio", *_ORDER)
    if ratio is not None and is_number(ratio.value) and 0 < ratio.value < INTEGER_LIMIT:
        return Setting(_share(ratio.value, total), f"{source_of(ratio)} = {ratio.value} of {total} steps")
    stated = steps or ratio
    if stated is not None:
        return Setting(0, source_of(stated))
    return Setting(0, NOT_SAID.format("TrainingArguments"), assumed=True)


def _share(ratio: float, total: int) -> int:
    return math.ceil(total * ratio)
