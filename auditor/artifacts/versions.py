"""Which releases of PEFT and Transformers can have written a file, by the keys it holds.

The tables were computed from the class annotations of released wheels (LoraConfig, TrainerState) and
completed by public adapters whose cards state the release; each row names its source. A development build
already holds the keys of the release it leads to.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.model import VersionRange


@dataclass(frozen=True, slots=True)
class Step:
    """The keys one release added; ``last`` is the newest release known to write exactly the keys so far."""

    first: str | None
    last: str | None
    added: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Dated:
    """A range of releases and the sentence that justifies it."""

    range: VersionRange
    why: str


_CARDS = "public adapters whose cards state the release"
_WHEEL = "LoraConfig in the wheels of peft {}"


def _step(first: str | None, last: str | None, added: str, source: str) -> Step:
    return Step(first, last, frozenset(added.split()), source)


LORA_KEYS: tuple[Step, ...] = (
    _step(
        None,
        "0.3.0",
        "base_model_name_or_path bias fan_in_fan_out inference_mode init_lora_weights lora_alpha "
        "lora_dropout modules_to_save peft_type r target_modules task_type",
        _CARDS,
    ),
    _step("0.4.0", "0.5.0", "auto_mapping layers_pattern layers_to_transform revision", _CARDS),
    _step("0.6.0", "0.6.2", "alpha_pattern rank_pattern", _CARDS),
    _step("0.7.0", "0.7.1", "loftq_config megatron_config megatron_core", _CARDS),
    _step("0.8.0", "0.8.2", "use_rslora", _CARDS),
    _step("0.9.0", "0.9.0", "use_dora", _CARDS),
    _step("0.10.0", "0.13.2", "layer_replication", _WHEEL.format("0.11.1, 0.12.0 and 0.13.2")),
    _step("0.14.0", "0.14.0", "eva_config exclude_modules lora_bias", _WHEEL.format("0.14.0")),
    _step("0.14.1.dev0", "0.14.1.dev0", "corda_config", _CARDS),
    _step("0.15.0", "0.15.2", "trainable_token_indices", _WHEEL.format("0.15.0 and 0.15.2")),
    _step("0.16.0", "0.16.0", "qalora_group_size use_qalora", _WHEEL.format("0.16.0")),
    _step("0.17.0", "0.17.1", "target_parameters", _WHEEL.format("0.17.1")),
    _step(
        "0.18.0",
        "0.18.1",
        "alora_invocation_tokens arrow_config ensure_weight_tying peft_version",
        _WHEEL.format("0.18.0"),
    ),
    _step("0.19.0", "0.19.1", "lora_ga_config use_bdlora", _CARDS),
    _step("0.20.0", "0.20.0", "monteclora_config velora_config", _CARDS),
    _step("0.21.0", None, "kasa_config", _WHEEL.format("0.21.2")),
)
"""Keys of a saved LoRA adapter_config.json by release; from 0.18 on the file names its release too."""

_STATE_BASE = frozenset(
    (
        "best_metric",
        "best_model_checkpoint",
        "epoch",
        "global_step",
        "is_hyper_param_search",
        "is_local_process_zero",
        "is_world_process_zero",
        "log_history",
        "max_steps",
        "num_train_epochs",
        "total_flos",
        "trial_name",
        "trial_params",
    )
)
_STATE_STEPS = _STATE_BASE | {"eval_steps", "logging_steps", "save_steps"}
_STATE_TOKENS = _STATE_STEPS | {"num_input_tokens_seen"}
_STATE_BATCH = _STATE_TOKENS | {"train_batch_size"}
OLD_STATES: tuple[frozenset[str], ...] = (_STATE_BASE, _STATE_STEPS, _STATE_TOKENS, _STATE_BATCH)
"""Key sets of public trainer_state.json files that no release from 4.46.3 on writes."""
CALLBACK_STATE = _STATE_BATCH | {"stateful_callbacks"}
"""TrainerState in the wheels of transformers 4.46.3 to 4.49.0."""
BEST_STEP_STATE = CALLBACK_STATE | {"best_global_step"}
"""TrainerState in the wheels of transformers 4.50.0 to 5.23.0."""

CLASS_SINCE = {
    "Gemma3ForCausalLM": "4.50.0",
    "Gemma3ForConditionalGeneration": "4.50.0",
}
"""First Transformers release with a model class: models/gemma3 is in the wheel of 4.50.0, not of 4.49.0."""


def peft_range(keys: Iterable[str]) -> Dated | None:
    """The PEFT releases that can have written a LoRA adapter_config.json with these keys.

    The newest known key present gives the lower bound. The upper bound is given only when the keys are
    exactly a known set: an edited or merged file may lack keys, and unknown keys may be newer than the table.
    """
    held = frozenset(keys)
    newest = max((number for number, step in enumerate(LORA_KEYS) if held & step.added), default=None)
    if newest is None:
        return None
    step = LORA_KEYS[newest]
    known = frozenset[str]().union(*(earlier.added for earlier in LORA_KEYS[: newest + 1]))
    if held == known:
        span = VersionRange(step.first, step.last)
        return Dated(span, f"exactly the {len(known)} keys that PEFT {span} writes (source: {step.source})")
    count = len(held - known)
    gap = f"{count} keys are unknown" if count else f"{len(known - held)} older keys are missing"
    if step.first is None:
        return Dated(VersionRange(None, None), f"no key is newer than PEFT {step.last}, but {gap}")
    told = sorted(held & step.added)[0]
    span = VersionRange(step.first, None)
    return Dated(span, f"`{told}` came with PEFT {step.first}; no upper bound because {gap}")


def transformers_range_from_state(keys: Iterable[str]) -> Dated | None:
    """The Transformers releases whose Trainer can have written a trainer_state.json with these keys."""
    held = frozenset(keys)
    if "best_global_step" in held and held >= _STATE_BASE:
        return Dated(VersionRange("4.50.0", None), "`best_global_step` came with Transformers 4.50.0")
    if held == CALLBACK_STATE:
        why = "exactly the 19 keys before `best_global_step`, which came with Transformers 4.50.0"
        return Dated(VersionRange(None, "4.49.0"), why)
    if held in OLD_STATES:
        why = "no `stateful_callbacks`, which Transformers 4.46.3 and newer write"
        return Dated(VersionRange(None, "4.46.2"), why)
    return None


def transformers_min_for_class(name: str) -> str | None:
    """The first Transformers release with a model class, or None when the table does not know it."""
    return CLASS_SINCE.get(name)
