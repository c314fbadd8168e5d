"""Settings that few recipes name: read from a run's files, trained by them, and missed where they were only claimed.

The runs are made by a script of their own (`scripts/unusual.py`); one child trains the plan of each.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.engine._evidence import ledger_of
from auditor.errors import UsageError
from auditor.model import RerunPlan, RerunResult, Setting, Span, Verdict
from auditor.rerun import runner
from auditor.rerun.environments import environment
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs, read_output
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import resume
from auditor.rerun.trials import Trial
from auditor.runs import Run
from tests.rerun import tiny_llama
from tests.rerun import variants as v

DECLARED = {
    "trainer": "default",
    "tokenizer_parameters": {"max_length": 64, "padding": "right", "add_eos_token": False},
    "train_model_parameters": {"packing": False, "column_mappings": {"text_column": "text"}},
}
Case = tuple[dict[str, Any], dict[str, Any]]
"""Arguments of the Trainer, and of LoraConfig."""
CASES: Mapping[str, Case] = {
    "by-length": ({"train_sampling_strategy": "group_by_length"}, {}),
    "by-length-epochs": ({"train_sampling_strategy": "group_by_length", "save_strategy": "epoch"}, {}),
    "smoothed": ({"label_smoothing_factor": 0.4}, {}),
    "noise": ({"neftune_noise_alpha": 5.0}, {}),
    "dropped": ({"dataloader_drop_last": True}, {}),
    "floor-of-rate": (
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.3}},
        {},
    ),
    "patterns": ({}, {"rank_pattern": {"v_proj": 2}, "alpha_pattern": {"q_proj": 32}}),
    "one-layer": ({}, {"layers_to_transform": [1], "layers_pattern": "layers"}),
    "without-one": ({}, {"exclude_modules": ["layers.0.self_attn.v_proj"]}),
}
PARTS = {"by-length": "4..8", "by-length-epochs": "7..14", "noise": "8..12"}
"""Segments that are trained from a committed checkpoint; an epoch has 7 steps."""
GPT2 = "gpt2"
PADDED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "eight": ({"multiple": 8}, {"pad_to_multiple_of": 8}),
    "left": ({"left": True}, {"padding_side": "left"}),
}
"""What the script's collator does, and the settings under which the child does the same."""
SETTINGS = {name: {**arguments, **lora} for name, (arguments, lora) in CASES.items()}
MADE = ("adapter_model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json")
"""What training computes; the rest tells the recipe."""


def rows(path: Path, count: int = 13) -> Path:
    """Rows of 3 to 14 words, so that no two neighbours are of one length."""
    words = ["river", "stone", "lamp", "garden", "winter", "market", "bridge", "letter", "cloud", "engine"]
    lines = [
        {"text": " ".join(words[(row * 7 + k * (row + 2)) % 10] for k in range(3 + row * 5 % 12))}
        for row in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Lab:
    """The inputs, and a folder of runs (``runs``) and of what the child made of each one's plan (``reruns``)."""

    base: Path
    data: Path
    folder: Path

    def files(self, name: str) -> v.Files:
        return {
            **contents(self.folder / "runs" / name),
            "cheetah-fine-tuning-config.json": json.dumps(DECLARED).encode(),
        }

    def plan(self, files: v.Files, span: str = "whole", base: Path | None = None) -> RerunPlan:
        run = run_of(files)
        return planning.build(run, build(run), base or self.base, self.data, span=span)

    def judged(self, files: v.Files, name: str) -> RerunResult:
        """The files against the training that the plan of this name's run asks for.

        Another machine is stood for by an update 2e-6 away, the floor that docs/rerun.md gives for float32.
        """
        made = self.folder / "reruns" / name
        rerun, repeat = (
            read_output(Trial(kind, kind), [(Span(0, 99), made)]) for kind in ("rerun", "repeat")
        )
        weights = [path for path in contents(made) if path.endswith(v.ADAPTER[0]) and "init" not in path]
        other = v.output(v.scaled(contents(made), 2e-6, tuple(weights)), "variation")
        run = run_of(files)
        return judge(run, ledger_of(run)[0], self.plan(files), Outputs(rerun, (repeat,), (other,)))

    def jobs(self, inputs: Inputs) -> Iterator[dict[str, object]]:
        """The plan of every run, whole, and the segments of `PARTS`."""
        for name in ("usual", *CASES):
            yield job(name, self.folder / "reruns" / name, self.plan(self.files(name)), inputs)
        for name, (_, changed) in PADDED.items():
            plan = self.plan(self.files("usual"))
            yield job(name, self.folder / "reruns" / name, plan, inputs, None, None, None, **changed)
        other = replace(inputs, base=self.folder / GPT2)
        plan = self.plan(self.files(GPT2), base=other.base)
        yield job(GPT2, self.folder / "reruns" / GPT2, plan, other)
        for name, span in PARTS.items():
            files = self.files(name)
            plan = self.plan(files, span)
            (part,) = plan.trained
            states = self.folder / f"states-{name}"
            states.mkdir()
            resume.write(run_of(files), part, states, plan.settings)
            yield job(f"{name}-on", self.folder / "parts" / name, plan, inputs, part, states)


def make_gpt2(folder: Path, tokenizer: Path) -> Path:
    """A GPT-2 of two layers with random weights, whose linear layers are Conv1D."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(3)
    entries = json.loads((tokenizer / "config.json").read_text())["vocab_size"]
    config = GPT2Config(
        vocab_size=entries,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=128,
        bos_token_id=1,
        eos_token_id=1,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    for name in tiny_llama.TOKENIZER:
        if (tokenizer / name).is_file():
            shutil.copy(tokenizer / name, folder / name)
    return folder


def contents(folder: Path) -> v.Files:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run_of(files: v.Files) -> Run:
    from auditor.runs import group, read
    from auditor.sources.directory import memory_snapshot

    return group(read(memory_snapshot("candidate", files)), None)[0]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    from tests.rerun.scripts import unusual

    folder = tmp_path_factory.mktemp("unusual")
    found = Lab(folder / "base", rows(folder / "rows.jsonl"), folder)
    with pytest.MonkeyPatch.context() as patch, tiny_llama.as_in_a_child():
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        tiny_llama.make_base(found.base)
        for name, (arguments, lora) in {"usual": ({}, {}), **CASES}.items():
            unusual.train(str(found.base), str(found.data), str(folder / "runs" / name), arguments, lora)
        for name, (how, _) in PADDED.items():
            unusual.train(str(found.base), str(found.data), str(folder / "runs" / name), {}, {}, **how)
        other = make_gpt2(folder / GPT2, found.base)
        unusual.train(
            str(other), str(found.data), str(folder / "runs" / GPT2), {}, {"target_modules": ["c_attn"]}
        )
        inputs = Inputs.of(RerunOptions(base=found.base, data=found.data))
        runner.run_child(
            list(found.jobs(inputs)),
            folder,
            environment=environment.variables(environment.inherited(), 1),
            threads=1,
            steps=14 * len(CASES),
            progress=lambda *_: None,
            timeout=300,
        )
    return found


@pytest.mark.rerun
@pytest.mark.parametrize("name", CASES)
def test_an_unusual_setting_is_read_trained_and_found_identical(lab: Lab, name: str) -> None:
    files = lab.files(name)
    plan = lab.plan(files)
    assert plan.obstacles == ()
    assert {key: plan.settings[key].value for key in SETTINGS[name]} == SETTINGS[name]
    assert not any(plan.settings[key].assumed for key in SETTINGS[name])
    result = lab.judged(files, name)
    assert result.verdict is Verdict.IDENTICAL, result.why
    assert {item.verdict for item in result.aspects} - {Verdict.INCONCLUSIVE} == {Verdict.IDENTICAL}


@pytest.mark.rerun
@pytest.mark.parametrize("name", CASES)
def test_a_setting_that_was_only_claimed_diverges(lab: Lab, name: str) -> None:
    """All that tells the recipe is of the run that followed it, what training computes of the usual one."""
    files, usual = lab.files(name), lab.files("usual")
    forged = {**files, **{path: data for path, data in usual.items() if path.rpartition("/")[2] in MADE}}
    result = lab.judged(forged, name)
    assert result.verdict is Verdict.DIVERGED, result.why


@pytest.mark.rerun
@pytest.mark.parametrize("name", CASES)
def test_a_setting_that_nothing_tells_diverges(lab: Lab, name: str) -> None:
    """The other way round: the recipe of the usual run over what a training with the setting computed."""
    files, used = lab.files("usual"), lab.files(name)
    forged = {**files, **{path: data for path, data in used.items() if path.rpartition("/")[2] in MADE}}
    result = lab.judged(forged, "usual")
    assert result.verdict is Verdict.DIVERGED, result.why


@pytest.mark.rerun
@pytest.mark.parametrize("name", PARTS)
def test_a_segment_goes_on_bit_for_bit(lab: Lab, name: str) -> None:
    end = f"checkpoint-{PARTS[name].rpartition('.')[2]}/"
    made, files = contents(lab.folder / "parts" / name), lab.files(name)
    for path in ("adapter_model.safetensors", "rng_state.pth"):
        assert made[end + path] == files[end + path], path


@pytest.mark.rerun
@pytest.mark.parametrize("name", PADDED)
def test_batches_are_padded_as_a_collator_does(lab: Lab, name: str) -> None:
    made, files = contents(lab.folder / "reruns" / name), lab.files(name)
    usual = lab.files("usual")
    for path in ("adapter_model.safetensors", "checkpoint-4/rng_state.pth"):
        assert made[path] == files[path], path
    assert files["adapter_model.safetensors"] != usual["adapter_model.safetensors"]


@pytest.mark.rerun
def test_an_adapter_on_conv1d_layers_is_made_again(lab: Lab) -> None:
    """PEFT sets ``fan_in_fan_out`` by itself there (peft 0.21.2, tuners/lora/model.py)."""
    made, files = contents(lab.folder / "reruns" / GPT2), lab.files(GPT2)
    plan = lab.plan(files, base=lab.folder / GPT2)
    assert plan.obstacles == ()
    assert plan.settings["fan_in_fan_out"] == Setting(True, "adapter_config.json#/fan_in_fan_out")
    for path in ("adapter_model.safetensors", "checkpoint-14/rng_state.pth"):
        assert made[path] == files[path], path


@pytest.mark.rerun
def test_no_segment_begins_where_an_order_by_length_is_not_known(lab: Lab) -> None:
    files = lab.files("by-length")
    assert [part.resume for part in lab.plan(files, "segments").parts] == [None, "checkpoint-4"]
    says = "checkpoint-8 lies within epoch 2, whose order by length no saved state gives"
    with pytest.raises(UsageError, match=says):
        lab.plan(files, "8..12")


@pytest.mark.rerun
def test_an_adapter_alone_is_made_again_by_rows_and_epochs(lab: Lab) -> None:
    """14 steps: 13 rows in twos, two epochs. A recipe whose total was worked out so is not known well enough."""
    declared = {
        **DECLARED,
        "train_model_parameters": {
            "column_mappings": {"text_column": "text"},
            **{
                key: value
                for key, value in unusual_arguments().items()
                if key not in ("report_to", "use_cpu")
            },
        },
    }
    names = ("adapter_model.safetensors", "adapter_config.json")
    told = {"cheetah-fine-tuning-config.json": json.dumps(declared).encode()}
    honest, other = (
        {**told, **{path: lab.files(name)[path] for path in names}} for name in ("usual", "noise")
    )
    plan = lab.plan(honest)
    assert (plan.settings["max_steps"].value, plan.settings["max_steps"].assumed) == (14, True)
    assert lab.judged(honest, "usual").verdict is Verdict.IDENTICAL
    result = lab.judged(other, "usual")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "no file says max_steps, so the recipe itself is not known" in result.why


def unusual_arguments() -> dict[str, Any]:
    from tests.rerun.scripts.unusual import ARGUMENTS

    return ARGUMENTS
