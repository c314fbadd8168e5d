"""What is in an adapter or checkpoint, as plain data: the same for the terminal, JSON and notebooks."""

from collections.abc import Iterator, Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks.adapter._load_window import libraries
from auditor.compare.adapters import compare
from auditor.compare.pairs import series_of
from auditor.engine._feed import Side
from auditor.runs import Folder, Run

_ARGUMENTS = (
    *("learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "num_train_epochs", "max_steps"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "optim", "weight_decay", "max_grad_norm"),
    *("seed", "data_seed", "fp16", "bf16", "gradient_checkpointing", "auto_find_batch_size"),
)

Table = Mapping[str, object]


def describe(side: Side) -> Table:
    """Everything that was read, by run and folder; what was not read, with the reason."""
    return {
        "snapshot": side.snapshot.name,
        "runs": [_run(run) for run in side.runs],
        "unread": [{"path": u.path, "state": u.state, "reason": u.reason} for u in side.contents.unread],
    }


def _run(run: Run) -> Table:
    arguments = run.one(TrainingArgs)
    described: dict[str, object] = {
        "path": run.name,
        "platform": run.platform,
        "base": {"name": _base(run), "configuration": run.base_source or "not known"},
        "folders": [_folder(folder) for folder in run.folders],
    }
    if arguments is not None:
        kept = {key: arguments.values[key] for key in _ARGUMENTS if arguments.values.get(key) is not None}
        described["training_args"] = {"class": arguments.class_name, **kept}
    curves = {tag: _curve(points) for tag, (_, points) in series_of(run).items()}
    if curves:
        described["curves"] = curves
    return described


def _base(run: Run) -> str | None:
    config = run.one(AdapterConfig)
    return config.base_model_name_or_path if config else None


def _curve(points: tuple[tuple[int, float], ...]) -> Table:
    values = [value for _, value in points]
    return {
        "points": len(points),
        "steps": [points[0][0], points[-1][0]],
        "first": values[0],
        "last": values[-1],
        "lowest": min(values),
    }


def _folder(folder: Folder) -> Table:
    return {"folder": folder.path or ".", **dict(_parts(folder))}


def _parts(folder: Folder) -> Iterator[tuple[str, Table]]:
    config, weights = folder.one(AdapterConfig), folder.one(AdapterWeights)
    if config is not None:
        yield "adapter_config", _config(config)
    if weights is not None:
        yield "weights", _weights(weights, config)
    state = folder.one(TrainerState)
    if state is not None:
        yield (
            "trainer_state",
            {
                "global_step": state.global_step,
                "max_steps": state.max_steps,
                "epoch": state.epoch,
                "total_flos": state.total_flos,
                "logged rows": len(state.log_history),
            },
        )
    optimizer = folder.one(OptimizerState)
    if optimizer is not None:
        yield (
            "optimizer",
            {
                "kind": optimizer.kind,
                "parameters": optimizer.parameter_count,
                "with state": len(optimizer.entries),
                "steps": sorted(optimizer.steps),
                "elements": optimizer.numel,
            },
        )
    yield from _small_states(folder)


def _small_states(folder: Folder) -> Iterator[tuple[str, Table]]:
    scheduler = folder.one(SchedulerState)
    if scheduler is not None:
        yield (
            "scheduler",
            {
                "last_epoch": scheduler.last_epoch,
                "base_lrs": scheduler.base_lrs,
                "last_lr": scheduler.last_lr,
            },
        )
    for rng in folder.all(RngState):
        name = "rng" if rng.rank is None else f"rng {rng.rank}"
        yield name, {"cpu seed": rng.cpu_seed, "cuda seeds": rng.cuda_seeds}
    scaler = folder.one(ScalerState)
    if scaler is not None:
        yield "scaler", {"scale": scaler.scale, "growths minus skips": scaler.growths_minus_skips}


def _config(config: AdapterConfig) -> Table:
    targets = config.target_modules
    return {
        "peft_type": config.peft_type,
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": config.lora_dropout,
        "target_modules": sorted(targets) if isinstance(targets, frozenset) else targets,
        "task_type": config.task_type,
        "loads with": list(libraries(config)),
    }


def _weights(weights: AdapterWeights, config: AdapterConfig | None) -> Table:
    pairs = weights.pairs()
    described: dict[str, object] = {
        "format": weights.format,
        "tensors": len(weights.tensors),
        "modules": len(pairs),
        "ranks": sorted({rank for _, rank in weights.ranks()}),
        "dtypes": sorted({info.dtype for info in weights.tensors.values()}),
    }
    if config is None or not pairs:
        return described
    # Compared with itself: the comparison computes the norm of every effective update on the way.
    norms = compare(weights, config, weights, config)
    if norms.why:
        described["update norms"] = f"not computed: {norms.why}"
        return described
    ordered = sorted(norms.modules, key=lambda item: -item.head_norm)
    described["update norm"] = sum(item.head_norm**2 for item in ordered) ** 0.5
    described["never updated"] = sum(item.head_norm == 0 for item in ordered)
    described["largest updates"] = {item.module: item.head_norm for item in ordered[:5]}
    return described
