"""Rows an epoch are (steps - epochs) x batch x accumulation / epochs at least: the last step of each may be short."""

import pytest

from auditor.artifacts.training_args import TrainingArgs
from auditor.evidence import sample_limit_from_rows as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.platforms import LLAMA_FACTORY
from tests.evidence.support import adapter, arguments, run_of, said, state, with_artifacts

BASE = "tiny-labs/tiny-gemma3"


def run_with(limit: int = 1000, extra: str = "", card: str = "", **counted: object) -> Run:
    text = LLAMA_FACTORY.replace("max_samples: 1000", f"max_samples: {limit}") + extra
    files: dict[str, object] = {
        "adapter_config.json": adapter(base_model_name_or_path=BASE, r=8, lora_alpha=16),
        "train.yaml": text.encode(),
        "README.md": card.encode(),
    }
    if counted:
        files["checkpoint-450/trainer_state.json"] = state(**counted)
    return run_of(files)


def outcome(run: Run) -> tuple[Status, str]:
    return said(run, module)["max_samples"]


def test_more_rows_than_the_limit() -> None:
    # (450 - 1) x 1 row; the accumulation is not known and counts once.
    found = outcome(run_with(400, global_step=450, epoch=1.0, train_batch_size=1))
    assert found == (
        Status.CONTRADICTED,
        "max_samples 400 allows 400 rows an epoch, and the run drew 449 or more",
    )


def test_the_accumulation_that_arrived_counts() -> None:
    run = run_with(1000, global_step=450, epoch=1.0, train_batch_size=1)
    assert outcome(run)[0] is Status.UNVERIFIABLE
    # 449 x 4 = 1,796.
    received: TrainingArgs = arguments(gradient_accumulation_steps=4)
    assert outcome(with_artifacts(run, received))[1].endswith("the run drew 1,796 or more")


@pytest.mark.parametrize(
    ("limit", "extra", "epoch"),
    [
        (449, "", 1.0),
        (150, "", 3.0),  # (450 - 3) / 3 = 149
        (1, "", 0.0),
        (1, "streaming: true\n", 1.0),
        (1, "mix_strategy: interleave_over\n", 1.0),
    ],
)
def test_nothing_follows(limit: int, extra: str, epoch: float) -> None:
    assert (
        outcome(run_with(limit, extra, global_step=450, train_batch_size=1, epoch=epoch))[0]
        is Status.UNVERIFIABLE
    )


def test_every_listed_set_is_cut_by_itself() -> None:
    run = run_of(
        {
            "adapter_config.json": adapter(base_model_name_or_path=BASE, r=8, lora_alpha=16),
            "train.yaml": LLAMA_FACTORY.replace("dataset: sums", "dataset: a,b,c")
            .replace("1000", "150")
            .encode(),
            "checkpoint-450/trainer_state.json": state(global_step=450, epoch=1.0, train_batch_size=1),
        }
    )
    # 3 x 150 = 450 rows are allowed, 449 were drawn.
    assert outcome(run)[0] is Status.UNVERIFIABLE


@pytest.mark.parametrize(
    "words", ["on 40,443 SFT samples", "40443 条样本", "40,443 条 SFT 样本", "with 2,000 rows"]
)
def test_a_card_of_another_training(words: str) -> None:
    assert outcome(run_with(200, card=f"# x\n\nTrained {words}.\n"))[0] is Status.CONTRADICTED


@pytest.mark.parametrize(
    "words",
    [
        "on 200 of 40,443 samples",  # the limit is spoken of
        "on 1,999 samples",  # less than ten times
        "for 40,443 seconds",
        "on samples",
        "in 5005 steps, 9,400,000,000 parameters",
    ],
)
def test_a_card_that_says_nothing_of_the_kind(words: str) -> None:
    assert outcome(run_with(200, card=f"# x\n\nTrained {words}.\n"))[0] is Status.UNVERIFIABLE


def test_without_a_limit_nothing_is_tested() -> None:
    run = run_of({"adapter_config.json": adapter()})
    assert said(run, module) == {}
