"""Stored JSON of what was trained as values again; the schema was checked before."""

from collections.abc import Mapping
from typing import Any

from auditor.model import (
    AdapterComparison,
    Aspect,
    Control,
    CurveComparison,
    Divergence,
    ModuleUpdate,
    Prediction,
    RerunPlan,
    RerunResult,
    Setting,
    Span,
    UncomparedModule,
    Verdict,
)
from auditor.report._plain import to_float

Json = Mapping[str, Any]
_VERDICTS = {verdict.word: verdict for verdict in Verdict}


def adapter(raw: Json) -> AdapterComparison:
    """One comparison of two adapters."""
    return AdapterComparison(
        base_path=raw["base_path"],
        head_path=raw["head_path"],
        relation=raw["relation"],
        relative_distance=_optional(raw["relative_distance"]),
        cosine=_optional(raw["cosine"]),
        scale=_optional(raw["scale"]),
        modules=tuple(
            ModuleUpdate(
                item["module"],
                to_float(item["base_norm"]),
                to_float(item["head_norm"]),
                to_float(item["relative_distance"]),
                to_float(item["cosine"]),
                _optional(item.get("magnitude_distance")),
            )
            for item in raw["modules"]
        ),
        why=raw["why"],
        uncompared=tuple(UncomparedModule(item["module"], item["why"]) for item in raw.get("uncompared", ())),
        renamed=raw.get("renamed", 0),
    )


def curve(raw: Json) -> CurveComparison:
    """One scalar by step on both sides."""
    return CurveComparison(
        tag=raw["tag"],
        base_path=raw["base_path"],
        head_path=raw["head_path"],
        base=_points(raw["base"]),
        head=_points(raw["head"]),
        first_difference=raw["first_difference"],
        max_gap=_optional(raw["max_gap"]),
    )


def rerun(raw: Json) -> RerunResult:
    """The experiment and its outcome."""
    return RerunResult(
        run=raw["run"],
        plan=_plan(raw["plan"]),
        environment=raw["environment"],
        verdict=_VERDICTS[raw["verdict"]],
        aspects=tuple(map(_aspect, raw["aspects"])),
        floor=_optional(raw["floor"]),
        first_divergence=Divergence(**raw["first_divergence"]) if raw["first_divergence"] else None,
        coverage=_shares(raw["coverage"]) if raw["coverage"] is not None else None,
        does_not_prove=tuple(raw["does_not_prove"]),
        why=raw["why"],
        repeats=tuple(raw["repeats"]),
        controls=tuple(map(_control, raw["controls"])),
        nearest=raw["nearest_hypothesis"],
        curves=None
        if raw["curves"] is None
        else {tag: _points(points) for tag, points in raw["curves"].items()},
    )


def _plan(raw: Json) -> RerunPlan:
    return RerunPlan(
        run=raw["run"],
        settings={key: Setting(**setting) for key, setting in raw["settings"].items()},
        span=raw["span"],
        stop_at=raw["stop_at"],
        parts=tuple(Span(part["start"], part["stop"], part["resume"]) for part in raw.get("parts", ())),
        total_steps=raw["total_steps"],
        base=raw["base"],
        data=raw["data"],
        coverage=_shares(raw["coverage"]),
        prediction=_prediction(raw["prediction"]) if raw.get("prediction") is not None else None,
        obstacles=tuple(raw["obstacles"]),
        hypotheses=tuple(raw["hypotheses"]),
        libraries={key: Setting(**setting) for key, setting in raw.get("libraries", {}).items()},
    )


def _prediction(raw: Json) -> Prediction:
    longer = raw["longer_rows"]
    return Prediction(
        seconds=to_float(raw["seconds"]),
        trainings=raw["trainings"],
        step=to_float(raw["step_seconds"]),
        start=to_float(raw["start_seconds"]),
        memory=raw["memory_bytes"],
        gpu_memory=raw["gpu_memory_bytes"],
        longer=None if longer is None else (longer[0], longer[1]),
    )


def _aspect(raw: Json) -> Aspect:
    return Aspect(
        aspect=raw["aspect"],
        verdict=_VERDICTS[raw["verdict"]],
        distance=_optional(raw["distance"]),
        floor=_optional(raw["floor"]),
        why=raw["why"],
        at=raw["at"],
    )


def _control(raw: Json) -> Control:
    return Control(
        says=raw["says"],
        role=raw["role"],
        to_rerun=_optional(raw["to_rerun"]),
        to_committed=_optional(raw["to_committed"]),
        verdict=_VERDICTS[raw["verdict"]] if raw["verdict"] else None,
    )


def _shares(raw: Json) -> Mapping[str, float]:
    return {key: to_float(value) for key, value in raw.items()}


def _points(raw: list[list[Any]]) -> tuple[tuple[int, float], ...]:
    return tuple((int(step), to_float(value)) for step, value in raw)


def _optional(raw: float | str | None) -> float | None:
    return None if raw is None else to_float(raw)
