"""What TRL's trainers take besides the Trainer's arguments: from training_args.bin, and what of a plan they leave."""

from collections.abc import Mapping

from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Setting
from auditor.runs import Run

_SFT = (
    *("max_length", "truncation_mode", "packing", "packing_strategy", "padding_free", "pad_to_multiple_of"),
    *("dataset_text_field", "completion_only_loss", "assistant_only_loss", "loss_type", "shuffle_dataset"),
    *("eos_token", "pad_token"),
)
_DPO = (
    *("max_length", "max_prompt_length", "max_completion_length", "truncation_mode", "padding_free"),
    *("pad_to_multiple_of", "beta", "loss_type", "loss_weights", "label_smoothing", "ld_alpha", "rpo_alpha"),
    *("f_divergence_type", "f_alpha_divergence_coef", "use_weighting", "discopop_tau", "disable_dropout"),
    *("precompute_ref_log_probs", "precompute_ref_batch_size", "reference_free", "pad_token"),
    *("sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps"),
)
TAKEN: Mapping[str, tuple[str, ...]] = {"sft": _SFT, "dpo": _DPO}
"""Arguments that decide what is trained (trl 1.16.0, trainer/sft_config.py and dpo_config.py, and older releases)."""
_FIELD = "dataset_text_field"
_NOT_TRL = (
    *("add_eos_token", "block_size", "pad_to_max_length", "pad_to_multiple_of", "padding_side"),
    *("init_seed", "init_skip"),
)
_NOT_DPO = ("text_column", "packing", "max_length")


def settled(run: Run, trainer: str, known: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings of a plan whose trainer is TRL's; any other plan's as they are."""
    if trainer not in TAKEN:
        return dict(known)
    gone = (*_NOT_TRL, *(_NOT_DPO if trainer == "dpo" else ()))
    kept = {key: setting for key, setting in known.items() if key not in gone}
    arguments = run.one(TrainingArgs)
    values = dict(arguments.values) if arguments else {}
    if values.get(_FIELD, "") is None:
        del values[_FIELD]  # before trl 0.12 nothing, now "text"
    found = {key: values[key] for key in TAKEN[trainer] if key in values}
    source = (
        f"{arguments.path}"
        if arguments and found
        else f"no file says it: defaults of TRL's {trainer.upper()}Config"
    )
    kept["trainer_arguments"] = Setting(found, source, assumed=not found)
    for key, own in (
        ("text_column", "dataset_text_field"),
        ("packing", "packing"),
        ("max_length", "max_length"),
    ):
        if key in kept and arguments is not None and own in found:
            kept[key] = Setting(found[own], f"{arguments.path}#{own}")
    return kept
