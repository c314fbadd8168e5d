"""Class names as public training_args.bin files hold them."""

import pytest

from auditor.recipes._trainers import platform_of, trainer_of
from auditor.runs import group, read
from tests.builders.platforms import CHEETAH
from tests.builders.repositories import healthy


@pytest.mark.parametrize(
    ("name", "platform", "trainer"),
    [
        ("transformers.training_args.TrainingArguments", "transformers Trainer", None),
        ("transformers.training_args_seq2seq.Seq2SeqTrainingArguments", "transformers Seq2SeqTrainer", None),
        ("trl.trainer.sft_config.SFTConfig", "TRL SFT", "sft"),
        ("trl.trainer.dpo_config.DPOConfig", "TRL DPO", "dpo"),
        ("trl.trainer.reward_config.RewardConfig", "TRL REWARD", "reward"),
        ("UnslothSFTTrainer.UnslothSFTConfig", "unsloth", "sft"),
        ("unsloth_compiled_cache.UnslothGRPOTrainer.UnslothGRPOConfig", "unsloth", "grpo"),
        ("axolotl.core.trainer_builder.AxolotlTrainingArguments", "axolotl", None),
        ("swift.trainers.arguments.Seq2SeqTrainingArguments", "ms-swift", None),
        ("llamafactory.hparams.training_args.TrainingArguments", "LLaMA-Factory", None),
        ("hparams.arguments.TrainingArguments", None, None),
        ("common.config.Config", None, None),
    ],
)
def test_who_pickled_it(name: str, platform: str | None, trainer: str | None) -> None:
    assert (platform_of(name), trainer_of(name)) == (platform, trainer)


def test_a_run_without_declared_config_names_its_platform_and_declares_nothing() -> None:
    (run,) = group(read(healthy(without=[CHEETAH])))
    assert run.recipe is None
    assert run.platform == "transformers Trainer"
    (declared,) = group(read(healthy()))
    assert declared.platform == "cheetah"


def test_a_run_of_nothing_but_an_adapter_names_nobody() -> None:
    everything = [CHEETAH, "training_args.bin", "checkpoint-9/", "checkpoint-18/"]
    (run,) = group(read(healthy(without=everything)))
    assert run.platform is None
