"""What a plan assumes of a run by TRL whose arguments no file holds, against the installed TRL where there is one."""

import dataclasses
import importlib.util
from typing import Any

import pytest

from auditor.claims import build
from auditor.model import Setting
from auditor.rerun.environments import environment
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import trainers, trl_defaults
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

CARD = """---
base_model: tiny-labs/tiny-gemma3
---
### Framework versions

- TRL: {release}
- Transformers: 5.23.0
"""


@pytest.fixture(autouse=True)
def _with_trl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers, "installed", lambda name: True)


def silent(release: str | None = "1.16.0") -> v.Files:
    """The fixture without arguments, optimizer, declared configuration, events and tokenizer; its card may name trl."""
    files = v.committed()
    gone = [
        path
        for path in files
        if path.endswith(("training_args.bin", "optimizer.pt", "tokenizer.json", "-config.json"))
    ]
    left = v.without(files, v.event_path(), *gone)
    for path in [path for path in left if path.endswith("README.md")]:
        left[path] = CARD.format(release=release).encode() if release else b"# nothing"
    return left


def assumed(files: v.Files, **more: Any) -> dict[str, Setting]:
    run = v.run_of(files)
    made = planning.build(run, build(run), TINY_BASE, v.DATA, **{"trainer": "sft", **more})
    return dict(made.settings)


def readings(files: v.Files, trainer: str) -> list[str]:
    run = v.run_of(files)
    made = planning.build(run, build(run), TINY_BASE, v.DATA, trainer=trainer)
    return [item.says for item in made.alternatives if item.open]


def test_sft_says_so() -> None:
    made = assumed(silent())
    says = "SFTConfig of trl 1.16.0 says so"
    expected = {"learning_rate": 2e-5, "compute_dtype": "bfloat16", "gradient_checkpointing": True}
    expected |= {"max_length": 1024, "text_column": "text"}
    for key, value in expected.items():
        assert made[key] == Setting(value, says, assumed=True), key
    assert made["weight_decay"].source == "no file says it: default of TrainingArguments"
    assert made["logging_steps"].value == 1, "trainer_state.json says it"
    assert "learning_rate = 5e-05: TrainingArguments and trl before 0.12 say so" in readings(silent(), "sft")
    assert "compute_dtype = float32: no file says the precision" in readings(silent(), "sft")


@pytest.mark.parametrize(
    ("release", "rate", "dtype", "checkpointing"),
    [
        ("0.11.4", 5e-5, "float32", False),
        ("0.12.0", 2e-5, "float32", False),
        ("0.18.2", 2e-5, "float32", False),
        ("0.19.1", 2e-5, "bfloat16", False),
        ("0.22.1", 2e-5, "bfloat16", True),
    ],
)
def test_each_release_has_its_own(release: str, rate: float, dtype: str, checkpointing: bool) -> None:
    """Read from the wheels of these releases."""
    made = assumed(silent(release))
    found = tuple(made[key].value for key in ("learning_rate", "compute_dtype", "gradient_checkpointing"))
    assert found == (rate, dtype, checkpointing)
    assert made["max_length"].value == 1024


def test_dpo_has_another_rate() -> None:
    made = assumed(silent(), trainer="dpo")
    assert made["learning_rate"] == Setting(1e-6, "DPOConfig of trl 1.16.0 says so", assumed=True)
    assert "packing" not in made


def test_without_a_recorded_release_the_day_or_the_installed_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = Setting("0.18.2", "not recorded; the newest that was out on 2025-06-20", assumed=True)
    known = {
        "trainer": Setting("sft", "as asked"),
        "learning_rate": Setting(5e-5, "no file says it", assumed=True),
    }
    run = v.run_of(silent(None))
    monkeypatch.setattr(trl_defaults, "recorded", lambda *_: {"trl": chosen})
    found, _ = trl_defaults.defaults(run, build(run), known)
    assert found["learning_rate"].source == f"SFTConfig of trl 0.18.2 says so ({chosen.source})"
    for here, says in (
        ("1.2.0", "1.2.0 says so (installed here; no"),
        (None, "1.16.0 says so (the newest known; no"),
    ):
        monkeypatch.setattr(trl_defaults, "recorded", lambda *_: {})
        monkeypatch.setattr(environment, "installed", lambda _, here=here: here)
        found, _ = trl_defaults.defaults(run, build(run), known)
        assert found["learning_rate"].source == f"SFTConfig of trl {says} file says which made the run)"


def test_what_a_file_says_stays() -> None:
    made = assumed(v.committed())
    assert made["learning_rate"].value == 2e-3
    assert made["compute_dtype"].value == "float32"
    assert made["max_length"].value == 64


def test_other_trainers_keep_their_defaults() -> None:
    made = assumed(silent(), trainer="reference")
    assert made["learning_rate"] == Setting(
        5e-5, "no file says it: default of TrainingArguments", assumed=True
    )


@pytest.mark.rerun
@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")
@pytest.mark.parametrize("kind", ["SFT", "DPO"])
def test_the_table_is_that_of_the_installed_release(kind: str) -> None:
    import trl

    fields = {item.name: item.default for item in dataclasses.fields(getattr(trl, f"{kind}Config"))}
    table: dict[str, object] = {}
    for _, values in trl_defaults.SINCE[kind]:
        table |= values
    names = {"text_column": "dataset_text_field"}
    for key, value in table.items():
        if key != "compute_dtype":
            assert fields[names.get(key, key)] == value, key
    assert table["compute_dtype"] == "bfloat16"
    assert fields["bf16"] is None, "which __post_init__ turns into True"
