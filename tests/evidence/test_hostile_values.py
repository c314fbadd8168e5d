"""Values no honest tool writes: every test of a claim must come back with words, never with an exception."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.known_bases import lookup
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.claims import build
from auditor.engine._evidence import modules
from auditor.evidence._say import number, real, whole
from auditor.model import Evidence, Status
from auditor.runs import Run
from tests.evidence.support import (
    EVENTS,
    adapter,
    arguments,
    event_file,
    recipe,
    run_of,
    state,
    with_artifacts,
)

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**63, -(2**63), 10**400, 0.0, -0.0, 1e308, -1e308, 5e-324, 0.5]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "None", "1e999", "9" * 30, "0.1", "all-linear", "fp16", "int4", "\x00", "é" * 200]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def settings_of(*keys: str) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, odd))


states = settings_of(
    *("total_flos", "global_step", "max_steps", "epoch", "num_train_epochs", "logging_steps", "save_steps"),
    *("eval_steps", "train_batch_size", "log_history", "stateful_callbacks"),
)
adapters = settings_of(
    *("r", "lora_alpha", "lora_dropout", "target_modules", "rank_pattern", "auto_mapping", "task_type"),
    *("base_model_name_or_path", "modules_to_save", "peft_version", "use_dora", "lora_bias", "bias"),
)
trains = settings_of(
    *("learning_rate", "num_train_epochs", "max_steps", "gradient_accumulation", "logging_steps", "seed"),
    *("save_steps", "warmup_ratio", "warmup_steps", "scheduler", "optimizer", "mixed_precision"),
    *("per_device_train_batch_size", "auto_find_batch_size", "weight_decay", "adam_beta1"),
)


def all_evidence(run: Run) -> list[Evidence]:
    ledger = build(run)
    found: list[Evidence] = []
    for module in modules():
        if module.__name__.endswith("rerun_verdict"):
            continue
        items = tuple(module.weigh(run, ledger))
        found.extend(items)
        ledger = ledger.with_evidence(items)
    return found


@settings(max_examples=150, deadline=None)
@given(states, adapters, trains, trains, st.integers(), st.floats())
def test_no_value_raises(
    counted: dict[str, object],
    saved: dict[str, object],
    declared: dict[str, object],
    received: dict[str, object],
    last_epoch: int,
    rate: float,
) -> None:
    step = "checkpoint-450"
    rows = [{"step": 10**400, "learning_rate": rate}, {"step": -5, "learning_rate": 1e308}]
    run = run_of(
        {
            "adapter_config.json": adapter(**saved),
            "cheetah-fine-tuning-config.json": recipe(train=declared, tokenizer={"max_length": last_epoch}),
            f"{step}/trainer_state.json": {**state(log_history=rows), **counted},
            f"{step}/rng_state.pth": b"",
            f"{step}/optimizer.pt": b"",
            EVENTS: event_file(received, {"transformers_version": "x", "quantization_config": received}),
        },
        lookup("gemma-3-4b", None),
    )
    group: dict[str, object] = {
        "params": [0],
        "betas": [rate, last_epoch],
        "eps": rate,
        "initial_lr": 10**400,
    }
    run = with_artifacts(
        run,
        arguments(f"{step}/training_args.bin", **dict(received.items())),
        SchedulerState(f"{step}/scheduler.pt", last_epoch, 1, (rate,), (rate,), {}),
    )
    archive = None
    optimizer = OptimizerState(f"{step}/optimizer.pt", (), (group,), archive)  # type: ignore[arg-type]
    for item in all_evidence(with_artifacts(run, optimizer)):
        assert isinstance(item.says, str)
        assert item.says
        assert item.outcome in (Status.VERIFIED, Status.CONTRADICTED, Status.UNVERIFIABLE)


@given(odd)
def test_numbers_are_read_within_64_bits(value: object) -> None:
    for found in (whole(value), real(value)):
        assert found is None or (abs(found) < 2**63 or isinstance(found, float))
        assert found is None or number(found)
