"""The event file's training arguments are not those of training_args.bin.

Both are one object in the Trainer: TensorBoardCallback writes it as JSON when training begins, `_save` pickles it
beside the model (transformers 4.51.3, integrations/integration_utils.py, trainer.py). A difference in what decides
the training means that log and model are of two runs; one in another argument that one of the two was edited.

Wrong when: training was resumed with other arguments and only one of the event files is published. Any event file
that agrees is enough.

Fix: publish the event file of the run that made the model.

Bad:
    events: argument seed = 7

Good:
    # a place, not a setting
    events: argument output_dir = "/elsewhere"
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted, joined, shown
from auditor.claims import received, same_value
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

_KEYS = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "lr_scheduler_type",
    "warmup_ratio",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "seed",
    "data_seed",
    "fp16",
    "bf16",
    "auto_find_batch_size",
    "logging_steps",
    "logging_strategy",
    "save_strategy",
    "eval_strategy",
    "packing",
    "max_length",
    "neftune_noise_alpha",
    "label_smoothing_factor",
    "group_by_length",
)
"""Arguments that decide the training."""
_FIELDS = frozenset(
    {
        *("eval_steps", "save_steps", "save_total_limit", "per_device_eval_batch_size", "logging_first_step"),
        *("logging_nan_inf_filter", "report_to", "dataloader_drop_last", "dataloader_num_workers", "project"),
        *("remove_unused_columns", "load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
        *("ignore_data_skip", "full_determinism", "optim_args", "torch_compile", "use_cpu", "push_to_hub"),
        *("hub_strategy", "disable_tqdm", "log_level", "log_level_replica", "skip_memory_metrics", "tf32"),
        *("prediction_loss_only", "label_names", "do_train", "do_eval", "do_predict", "eval_delay", "debug"),
        *("eval_accumulation_steps", "bf16_full_eval", "fp16_full_eval", "fsdp", "fsdp_config", "deepspeed"),
        *(
            "lr_scheduler_kwargs",
            "gradient_checkpointing_kwargs",
            "optim_target_modules",
            "batch_eval_metrics",
        ),
        *("eval_on_start", "eval_do_concat_batches", "eval_use_gather_object", "save_only_model"),
        *("save_on_each_node", "include_num_input_tokens_seen", "include_for_metrics", "log_on_each_node"),
        *("torch_compile_backend", "torch_compile_mode", "torch_empty_cache_steps", "use_liger_kernel"),
        *("hub_private_repo", "hub_always_push", "restore_callback_states_from_checkpoint", "ddp_timeout"),
        *("ddp_backend", "ddp_find_unused_parameters", "ddp_bucket_cap_mb", "ddp_broadcast_buffers"),
        *("dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_prefetch_factor"),
        *("length_column_name", "average_tokens_across_devices", "liger_kernel_config"),
    }
)
"""Fields of TrainingArguments, all of which `to_dict` writes: one that only the pickle has was taken out of the text.

Source: transformers 4.30 to 5.23.0, training_args.py.
"""
PLACES = frozenset(
    {
        *("output_dir", "logging_dir", "run_name", "local_rank", "device", "mp_parameters"),
        *("resume_from_checkpoint", "hub_model_id", "hub_token", "push_to_hub_token", "push_to_hub_model_id"),
        *(
            "_n_gpu",
            "n_gpu",
            "distributed_state",
            "deepspeed_plugin",
            "hf_deepspeed_config",
            "ddp_timeout_delta",
        ),
        *("_setup_devices", "__cached__setup_devices"),
    }
)
"""Attributes that name places, devices and secrets: a run that is resumed elsewhere has others."""
_FILLED_IN = frozenset({"use_logits_to_keep"})
"""Arguments that are null until the first batch (ms-swift 4.6.0, trainers/mixin.py, `get_use_logits_to_keep`)."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """The newest event file that holds arguments is named when none agrees."""
    mine = received(run)
    logs = [
        log for log in run.events if log.args() and log.path.startswith(f"{run.path}/" if run.path else "")
    ]
    if mine is None or not logs:
        yield Skip("training_args.bin or the arguments in an event file are missing")
        return
    differing = [(log, _differences(mine.values, log.args())) for log in logs]
    if any(not keys for _, keys in differing):
        return
    log, keys = differing[-1]
    yield _problem(log, mine, keys)


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """The arguments that differ, deciding ones first; all that are logged are attributes, and not the other way."""
    keys = [*_KEYS, *sorted((other.keys() | _FIELDS) - set(_KEYS) - PLACES)]
    return [key for key in keys if _differ(key, one, other)]


def _differ(key: str, one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    if key not in other:
        return key in one
    if other[key] == f"<{key.upper()}>" or (other[key] is None and key in _FILLED_IN):
        return False
    return key not in one or not (one[key] == other[key] or same_value(key, one[key], other[key]))


def _problem(log: EventLog, mine: TrainingArgs, keys: list[str]) -> Problem:
    first, named = keys[0], keys[:4] + ([f"{len(keys) - 4} more"] if len(keys) > 4 else [])
    return Problem(
        f"the event file and {mine.path} disagree on {counted(len(keys), 'argument')}: {joined(named)}",
        log.at(f"args/{first}"),
        expected=f"{first} {shown(mine.values[first]) if first in mine.values else 'is no argument'}",
        observed=f"{first} {shown(log.args()[first]) if first in log.args() else 'is not there'}",
        severity=None if first in _KEYS else Severity.WARNING,
    )
