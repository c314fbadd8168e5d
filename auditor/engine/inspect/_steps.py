"""One table over the steps of a run: a row for each checkpoint, and one for the final adapter."""

from collections.abc import Mapping, Sequence

from auditor.model.inspection import (
    AdapterInspection,
    CurveInspection,
    Relation,
    StateInspection,
    StepRow,
)
from auditor.runs import Folder, Run


def steps_of(
    run: Run,
    adapters: Sequence[AdapterInspection],
    states: Sequence[StateInspection],
    relations: Sequence[Relation],
    curves: Sequence[CurveInspection],
) -> tuple[StepRow, ...]:
    """Rows by step, the run's own folder last; a folder with neither weights nor states gives none."""
    by_adapter = {item.folder: item for item in adapters}
    by_state = {item.folder: item for item in states}
    by_relation = {item.two: item for item in relations}
    values = {curve.tag: dict(curve.points) for curve in curves}
    rows: list[StepRow] = []
    for folder in (*run.checkpoints, run.root):
        adapter, state = by_adapter.get(folder.path), by_state.get(folder.path)
        if state is None and (adapter is None or adapter.path is None):
            continue
        rows.append(_row(folder, adapter, state, by_relation.get(folder.path), values))
    return tuple(rows)


def _row(
    folder: Folder,
    adapter: AdapterInspection | None,
    state: StateInspection | None,
    related: Relation | None,
    values: Mapping[str, Mapping[int, float]],
) -> StepRow:
    trainer = state.trainer if state is not None else None
    optimizer = state.optimizer if state is not None else None
    step = folder.step if folder.step is not None else trainer.global_step if trainer else None
    found = related.comparison if related is not None else None
    return StepRow(
        step=step,
        folder=folder.path,
        loss=_at(values.get("loss", {}), step),
        learning_rate=_at(values.get("learning_rate", {}), step),
        grad_norm=_at(values.get("grad_norm", {}), step),
        norm=adapter.norm if adapter else None,
        change=found.relative_distance if found else None,
        relation=found.relation if found else None,
        effective_rank=adapter.effective_rank if adapter else None,
        largest_a=adapter.largest_a if adapter else None,
        largest_b=adapter.largest_b if adapter else None,
        first_moment=optimizer.first_moment if optimizer else None,
        second_moment=optimizer.second_moment if optimizer else None,
        seed=state.seed if state else None,
        why=_why(adapter, found.why if found else None),
    )


def _at(points: Mapping[int, float], step: int | None) -> float | None:
    return None if step is None else points.get(step)


def _why(adapter: AdapterInspection | None, compared: str | None) -> str | None:
    return adapter.why if adapter is not None and adapter.why else compared
