"""Adapters without quantisation and full fine-tunes: runs of a script in the style of the examples, made again."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from auditor.claims import build
from auditor.engine._look import base_config
from auditor.model import RerunResult, Setting, Verdict
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning.readings import readings
from auditor.rerun.session import rerun
from auditor.runs import Run, group, read
from auditor.sources import directory
from tests.rerun import tiny_llama


def run_of(folder: Path, base: Path) -> Run:
    return group(read(directory.snapshot(folder)), base_config(base))[0]


@dataclass(frozen=True)
class Lab:
    folder: Path
    options: RerunOptions

    def script(self, name: str, *more: str) -> Path:
        """The folder of a run of the script with some options changed."""
        from tests.rerun.scripts import finetune

        made = self.folder / name
        given = ("--model_name_or_path", str(self.options.base), "--train_file", str(self.options.data))
        with tiny_llama.as_in_a_child():
            finetune.main([*given, "--output_dir", str(made), *more])
        return made

    def judged(self, folder: Path, **changed: object) -> RerunResult:
        run = run_of(folder, self.options.base or folder)
        return rerun(run, build(run), replace(self.options, **changed))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("methods")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(folder / "cache"))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        base, data = tiny_llama.make_base(folder / "base"), tiny_llama.make_rows(folder / "rows.jsonl")
        yield Lab(folder, RerunOptions(base=base, data=data, repeats=1, controls=False, hypotheses=False))


def verdicts(result: RerunResult, aspect: str) -> set[Verdict]:
    return {item.verdict for item in result.aspects if item.aspect == aspect}


def test_a_base_that_no_file_calls_quantised_may_be() -> None:
    known = {
        "r": Setting(4, "x"),
        "quantization": Setting(None, "no file says it", assumed=True),
        "per_device_train_batch_size": Setting(1, "x"),
        "gradient_accumulation_steps": Setting(1, "x"),
        "lora_dropout": Setting(0.0, "x"),
    }
    assert {"quantization": "int4"} in [item.changes for item in readings(known) if item.open]
    known["quantization"] = Setting(None, "adapter.json#quantization")
    assert {"quantization": "int4"} not in [item.changes for item in readings(known)]


@pytest.mark.rerun
def test_an_adapter_on_a_plain_base_is_made_again_bit_for_bit(lab: Lab) -> None:
    result = lab.judged(lab.script("lora"), variation=False)
    assert result.verdict is Verdict.IDENTICAL
    assert verdicts(result, "weights") == {Verdict.IDENTICAL}
    # The script cuts rows at 32 tokens, which no file declares: its tokenizer.json keeps the last call's length.
    setting = result.plan.settings["max_length"]
    assert (setting.value, setting.source) == (32, "tokenizer.json#/truncation/max_length")


@pytest.mark.rerun
def test_a_full_fine_tune_is_made_again_and_another_rate_is_not(lab: Lab) -> None:
    honest = lab.judged(lab.script("full", "--lora_r", "0"))
    assert honest.verdict is Verdict.IDENTICAL
    weights = {item.at for item in honest.aspects if item.aspect == "weights"}
    assert weights == {
        "model.safetensors",
        "checkpoint-3/model.safetensors",
        "checkpoint-6/model.safetensors",
    }
    assert honest.floor is not None
    assert 0 < honest.floor < 1e-3

    # The files of a run at another rate, under the arguments of the honest one.
    forged = lab.script("forged", "--lora_r", "0", "--learning_rate", "2.2e-3")
    for path in ("training_args.bin", "checkpoint-3/training_args.bin", "checkpoint-6/training_args.bin"):
        shutil.copy(lab.folder / "full" / path, forged / path)
    result = lab.judged(forged)
    assert result.verdict is Verdict.DIVERGED
    assert verdicts(result, "weights") == {Verdict.DIVERGED}
    distance = max(item.distance or 0.0 for item in result.aspects if item.aspect == "weights")
    # Adam moves a weight by about its rate a step: 10 % more moves the update by about a tenth of itself.
    assert 0.05 < distance < 0.3
