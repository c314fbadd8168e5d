from auditor.model import Snapshot
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy
from tests.checks.card.cards import CARD, honest, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-tags-contradict-training"
ARGUMENTS = "training_args.bin"
SILENT = ["tags or arguments name no method of training"]


def tagged(tags: str, kind: str) -> Snapshot:
    text = honest().replace("- lora\n", "- lora\n" + tags)
    return healthy(text={CARD: text}, data={ARGUMENTS: make_training_args({"seed": 42}, cls=kind)})


def test_passes_the_right_tag_among_others() -> None:
    assert found(RULE, tagged("- sft\n", "trl.trainer.sft_config.SFTConfig")) == []
    assert found(RULE, tagged("- sft\n- dpo\n", "trl.trainer.dpo_config.DPOConfig")) == []
    assert found(RULE, tagged("- reward-trainer\n", "trl.trainer.reward_config.RewardConfig")) == []


def test_fails_for_another_method() -> None:
    assert found(RULE, tagged("- dpo\n", "trl.trainer.sft_config.SFTConfig")) == [
        finding(
            RULE,
            WARNING,
            "the card is tagged dpo, and the training arguments are SFTConfig",
            CARD,
            "tags",
            expected="sft",
            observed="dpo",
            evidence=("training_args.bin holds trl.trainer.sft_config.SFTConfig",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == SILENT
    assert reasons(RULE, tagged("- unsloth\n- sft\n", "UnslothGRPOTrainer.UnslothGRPOConfig")) == SILENT
    assert reasons(RULE, without_cards()) == [
        "no card is beside the run's own adapter, or no training_args.bin was read"
    ]
