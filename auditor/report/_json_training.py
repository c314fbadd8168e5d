"""The JSON of what was trained: adapters, curves, the rerun."""

from collections.abc import Mapping, Sequence

from auditor.model import (
    AdapterComparison,
    Aspect,
    Control,
    CurveComparison,
    Divergence,
    Prediction,
    RerunPlan,
    RerunResult,
    Setting,
)
from auditor.report._plain import plain, plain_float, printable, without_machine

Points = Sequence[tuple[int, float]]


def adapter(item: AdapterComparison) -> Mapping[str, object]:
    """One comparison of two adapters; modules sorted by name."""
    return {
        "base_path": printable(item.base_path),
        "head_path": printable(item.head_path),
        "relation": item.relation,
        "relative_distance": _optional(item.relative_distance),
        "cosine": _optional(item.cosine),
        "scale": _optional(item.scale),
        "why": plain(item.why),
        "sentence": printable(item.sentence),
        "farthest": printable(item.farthest.module) if item.farthest is not None else None,
        "renamed": item.renamed,
        "uncompared": [
            {"module": printable(module.module), "why": printable(module.why)}
            for module in sorted(item.uncompared, key=lambda module: module.module)
        ],
        "modules": [
            {
                "module": printable(module.module),
                "base_norm": plain_float(module.base_norm),
                "head_norm": plain_float(module.head_norm),
                "relative_distance": plain_float(module.relative_distance),
                "cosine": plain_float(module.cosine),
                "magnitude_distance": _optional(module.magnitude_distance),
            }
            for module in sorted(item.modules, key=lambda module: module.module)
        ],
    }


def curve(item: CurveComparison) -> Mapping[str, object]:
    """One scalar by step on both sides."""
    return {
        "tag": printable(item.tag),
        "base_path": plain(item.base_path),
        "head_path": plain(item.head_path),
        "first_difference": item.first_difference,
        "max_gap": _optional(item.max_gap),
        "base": points(item.base),
        "head": points(item.head),
    }


def points(values: Points) -> list[list[object]]:
    """(step, value) pairs as two-element lists."""
    return [[int(step), plain_float(value)] for step, value in values]


def rerun(result: RerunResult, stamped: bool) -> Mapping[str, object]:
    """The experiment; folders lose their place on this machine unless the report is stamped."""
    return {
        "run": printable(result.run),
        "verdict": result.verdict.word,
        "why": printable(result.why),
        "plan": _plan(result.plan, stamped),
        "environment": {
            key: without_machine(value) if isinstance(value, str) and not stamped else plain(value)
            for key, value in sorted(result.environment.items())
        },
        "aspects": [_aspect(item) for item in result.aspects],
        "floor": _optional(result.floor),
        "repeats": plain(result.repeats),
        "controls": [_control(item) for item in result.controls],
        "nearest_hypothesis": plain(result.nearest),
        "first_divergence": _divergence(result.first_divergence) if result.first_divergence else None,
        "coverage": plain(result.coverage),
        "does_not_prove": plain(result.does_not_prove),
        "curves": None
        if result.curves is None
        else {printable(tag): points(values) for tag, values in sorted(result.curves.items())},
    }


def _plan(plan: RerunPlan, stamped: bool) -> Mapping[str, object]:
    return {
        "run": printable(plan.run),
        "span": plan.span,
        "stop_at": plan.stop_at,
        "parts": [{"start": part.start, "stop": part.stop, "resume": part.resume} for part in plan.parts],
        "total_steps": plan.total_steps,
        "base": printable(plan.base if stamped else without_machine(plan.base)),
        "data": printable(plan.data if stamped else without_machine(plan.data)),
        "coverage": plain(plan.coverage),
        "prediction": _prediction(plan.prediction) if plan.prediction is not None else None,
        "obstacles": plain(plan.obstacles),
        "hypotheses": plain(plan.hypotheses),
        "settings": _settings(plan.settings),
        "libraries": _settings(plan.libraries),
    }


def _prediction(item: Prediction) -> Mapping[str, object]:
    return {
        "seconds": plain_float(item.seconds),
        "trainings": item.trainings,
        "step_seconds": plain_float(item.step),
        "start_seconds": plain_float(item.start),
        "memory_bytes": item.memory,
        "gpu_memory_bytes": item.gpu_memory,
        "longer_rows": list(item.longer) if item.longer is not None else None,
    }


def _settings(settings: Mapping[str, Setting]) -> Mapping[str, object]:
    return {
        printable(key): {
            "value": plain(setting.value),
            "source": printable(setting.source),
            "assumed": setting.assumed,
        }
        for key, setting in sorted(settings.items())
    }


def _aspect(item: Aspect) -> Mapping[str, object]:
    return {
        "aspect": item.aspect,
        "verdict": item.verdict.word,
        "distance": _optional(item.distance),
        "floor": _optional(item.floor),
        "why": printable(item.why),
        "at": plain(item.at),
    }


def _control(item: Control) -> Mapping[str, object]:
    return {
        "says": printable(item.says),
        "role": item.role,
        "to_rerun": _optional(item.to_rerun),
        "to_committed": _optional(item.to_committed),
        "verdict": item.verdict.word if item.verdict else None,
    }


def _divergence(item: Divergence) -> Mapping[str, object]:
    return {
        "step": item.step,
        "module": plain(item.module),
        "tensor": plain(item.tensor),
        "says": printable(item.says),
    }


def _optional(value: float | None) -> float | str | None:
    return None if value is None else plain_float(value)
