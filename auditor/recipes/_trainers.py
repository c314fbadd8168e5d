"""Which platform pickled the training arguments: all that a run without a declared configuration says about it.

training_args.bin is no declared configuration: it is what the trainer received, a source of its own in the ledger.
Making a Recipe of it too would hold the file against itself and call every value verified. So it names the platform
and nothing else.

Source of the class names: training_args.bin of public repositories, written by transformers 4.30 to 5.x, trl 0.8 to
1.x, unsloth (compiled classes), axolotl 0.4 to 0.8, ms-swift 2 to 3 and LLaMA-Factory 0.9.
"""

_CLASSES: tuple[tuple[str, str], ...] = (
    ("Unsloth", "unsloth"),
    ("axolotl.", "axolotl"),
    ("swift.", "ms-swift"),
    ("llamafactory.", "LLaMA-Factory"),
    ("autotrain.", "AutoTrain"),
    ("xtuner.", "xtuner"),
)
_KINDS: tuple[tuple[str, str], ...] = (
    ("SFTConfig", "sft"),
    ("DPOConfig", "dpo"),
    ("ORPOConfig", "orpo"),
    ("KTOConfig", "kto"),
    ("CPOConfig", "cpo"),
    ("RewardConfig", "reward"),
    ("GRPOConfig", "grpo"),
    ("PPOConfig", "ppo"),
)


def platform_of(class_name: str) -> str | None:
    """The platform of a pickled class: ``unsloth``, ``TRL SFT``, ``transformers Trainer``; None for one not known."""
    module, _, name = class_name.rpartition(".")
    for mark, platform in _CLASSES:
        if mark in class_name:
            return platform
    if module.startswith("trl."):
        kind = trainer_of(class_name)
        return f"TRL {kind.upper()}" if kind else "TRL"
    if module.startswith("transformers.") and name in ("TrainingArguments", "Seq2SeqTrainingArguments"):
        return "transformers Trainer" if name == "TrainingArguments" else "transformers Seq2SeqTrainer"
    return None


def trainer_of(class_name: str) -> str | None:
    """The kind of training of a pickled class (``sft``, ``dpo``, ...); None where the class serves several."""
    name = class_name.rpartition(".")[2]
    return next((kind for suffix, kind in _KINDS if name.endswith(suffix)), None)
