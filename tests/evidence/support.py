"""Runs out of a few files in memory, and what one test of a claim says about them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

from auditor.artifacts._base import Artifact
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import Ledger, build
from auditor.model import Evidence, Snapshot, Status
from auditor.runs import Folder, Run, group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.events import NAME, make_events

EVENTS = f"runs/one/{NAME}"
GEMMA_4B = "Gemma3ForConditionalGeneration"
TARGETS_11 = [
    *("lm_head", "down_proj", "q_proj", "out_proj", "v_proj", "fc2"),
    *("o_proj", "fc1", "up_proj", "gate_proj", "k_proj"),
]


def adapter(**changes: object) -> dict[str, object]:
    """An adapter_config.json of PEFT 0.13.2 with the real case's settings."""
    return {
        "peft_type": "LORA",
        "auto_mapping": {
            "base_model_class": GEMMA_4B,
            "parent_library": "transformers.models.gemma3.modeling_gemma3",
        },
        "base_model_name_or_path": "google/gemma-3-4b-it",
        "r": 16,
        "lora_alpha": 32,
        "target_modules": TARGETS_11,
        "task_type": None,
        **changes,
    }


def state(**changes: object) -> dict[str, object]:
    """A trainer_state.json of transformers >= 4.50 with the real case's counts."""
    return {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": 1.0,
        "eval_steps": 500,
        "global_step": 450,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": [],
        "logging_steps": -450,
        "max_steps": 450,
        "num_input_tokens_seen": 0,
        "num_train_epochs": 1,
        "save_steps": 500,
        "stateful_callbacks": {},
        "total_flos": 1.0138086088704e16,
        "train_batch_size": 1,
        "trial_name": None,
        "trial_params": None,
        **changes,
    }


def recipe(**groups: Mapping[str, object]) -> dict[str, object]:
    """A cheetah configuration holding only the groups given; ``train`` is train_model_parameters."""
    names = {"train": "train_model_parameters", "tokenizer": "tokenizer_parameters"}
    return {"trainer": "sft", **{names.get(name, name): values for name, values in groups.items()}}


def snapshot(files: Mapping[str, object]) -> Snapshot:
    """Files by path; what is not bytes is written as JSON."""
    data = {p: v if isinstance(v, bytes) else json.dumps(v).encode() for p, v in files.items()}
    return memory_snapshot("test", data)


def run_of(files: Mapping[str, object] | Snapshot, base: BaseConfig | None = None) -> Run:
    """The only run of a snapshot."""
    taken = files if isinstance(files, Snapshot) else snapshot(files)
    (run,) = group(read(taken), base)
    return run


def with_artifacts(run: Run, *items: Artifact) -> Run:
    """The run with more artifacts, each put into the folder its path names (made if need be)."""
    for item in items:
        old = next((folder for folder in run.folders if folder.path == item.folder), None)
        before = old.artifacts if old else {}
        kinds = {**before, type(item): (item, *before.get(type(item), ()))}
        new = Folder(item.folder, kinds, int(item.folder.rpartition("-")[2]) if "-" in item.folder else None)
        if item.folder == run.path:
            run = replace(run, root=new)
        else:
            others = [folder for folder in run.checkpoints if folder.path != item.folder]
            run = replace(run, checkpoints=tuple(sorted((*others, new), key=lambda f: f.step or 0)))
    return run


def arguments(path: str = "training_args.bin", **values: object) -> TrainingArgs:
    """A training_args.bin that holds these values."""
    return TrainingArgs(path, "transformers.training_args.TrainingArguments", values)


def event_file(args: Mapping[str, object] | None = None, config: Mapping[str, object] | None = None) -> bytes:
    """An event file with the two texts that TensorBoardCallback writes."""
    texts = {}
    if args is not None:
        texts["args"] = [json.dumps(args)]
    if config is not None:
        texts["model_config"] = [json.dumps(config)]
    return make_events(texts=texts)


def weighed(run: Run, *modules: ModuleType) -> Ledger:
    """The ledger after these tests, in this order."""
    ledger = build(run)
    for module in modules:
        ledger = ledger.with_evidence(tuple(module.weigh(run, ledger)))
    return ledger


def said(run: Run, *modules: ModuleType) -> dict[str, tuple[Status, str]]:
    """Claim -> (outcome, sentence) of the last of these modules, run after the others."""
    ledger = weighed(run, *modules[:-1])
    found: list[Evidence] = list(modules[-1].weigh(run, ledger))
    assert len({item.claim for item in found}) == len(found), "one outcome a claim"
    return {item.claim: (item.outcome, item.says) for item in found}
