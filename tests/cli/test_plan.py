"""The plan of a rerun for people: what is in the way, what was assumed, and each setting with where it comes from."""

import pytest

from auditor.cli._plan import plan_text
from auditor.model import RerunPlan, Setting
from tests.builders.command import audit

PLAN = RerunPlan(
    run="",
    settings={
        "adam_beta1": Setting(0.9, "no file says it: default of TrainingArguments", assumed=True),
        "adam_beta2": Setting(0.999, "no file says it: default of TrainingArguments", assumed=True),
        "learning_rate": Setting(2e-3, "training_args.bin#learning_rate"),
        "optim": Setting("adamw_torch", "cheetah.json#/train/optimizer"),
        "packing": Setting(False, "choice of the reference pipeline", assumed=True),
        "seed": Setting(42, "training_args.bin#seed"),
        "trainer": Setting("reference", "training_args.bin is of TrainingArguments"),
    },
    span="whole",
    stop_at=18,
    total_steps=18,
    base="",
    data="",
    coverage={"steps": 1.0},
    obstacles=("no base model was given (--base DIR)",),
    hypotheses=("packing = True: no file says whether rows were packed",),
    libraries={"peft": Setting("0.21.2", "proven by files: peft 0.21.2")},
)


def test_the_whole_page() -> None:
    assert (
        plan_text(PLAN)
        == """Rerun of the root: the whole run, 18 optimizer steps.
It covers 100% of its steps.

In the way:
  - no base model was given (--base DIR)

Assumed, because no file says it:
  adam_beta1 0.9 · adam_beta2 0.999: default of TrainingArguments
  packing false: choice of the reference pipeline

From training_args.bin:
  learning_rate 0.002 · seed 42
From cheetah.json:
  optim adamw_torch (/train/optimizer)
Otherwise:
  trainer reference: training_args.bin is of TrainingArguments

Made by (what --environment recorded installs):
  peft 0.21.2: proven by files: peft 0.21.2

Also possible:
  - packing = True: no file says whether rows were packed
"""
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked_and_every_setting_is_named(
    capsys: pytest.CaptureFixture[str], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.cli._output.width", lambda: width)
    done = audit(capsys, "rerun", "caost-test-2", "--repo", "fixtures/seed/repo.bundle", "--plan")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= width
    for name in ("learning_rate 3e-05", "adam_beta1 0.9", "lora_alpha 32", "gradient_accumulation_steps 1"):
        assert name in done.out
