"""Lets every test of ``auditor/evidence`` speak, in the order they build on each other."""

import graphlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType

from auditor import discover
from auditor.claims import Ledger, build
from auditor.engine._attempt import attempt
from auditor.engine._rules import needs_of
from auditor.model import Evidence, RerunResult, Status
from auditor.runs import Run


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every evidence module, after those its ``AFTER`` names."""
    found = discover.modules("auditor.evidence")
    graph = {name: set(vars(module).get("AFTER", ())) for name, module in found.items()}
    return tuple(found[name] for name in graphlib.TopologicalSorter(graph).static_order())


def ledger_of(
    run: Run, rerun: RerunResult | None = None, *, planning: bool = False
) -> tuple[Ledger, Mapping[str, str]]:
    """The ledger of a run, marked by all evidence, and the evidence that crashed.

    ``planning`` leaves out the evidence that says with ``UNPLANNED`` that no plan of a rerun depends on it.
    """
    ledger, crashed = build(run), {}
    for module in modules():
        if planning and vars(module).get("UNPLANNED"):
            continue
        supply: Mapping[type, object] = {Run: run, Ledger: ledger, RerunResult: rerun}
        arguments = {need.name: supply[need.kind] for need in needs_of(module.weigh)}
        if any(value is None for value in arguments.values()):
            continue
        name = discover.rule_id(module.__name__)
        items, crash = attempt(module.weigh, arguments)
        found = (replace(item, id=name) for item in items if isinstance(item, Evidence))
        ledger = ledger.with_evidence(tuple(_held(item, run) for item in found))
        if crash is not None:
            crashed[name] = crash
    return ledger, crashed


def _held(item: Evidence, run: Run) -> Evidence:
    """Evidence against a declared value, undecided where that is none of its key's (declared-value-of-wrong-type)."""
    if run.recipe is None or item.outcome is not Status.CONTRADICTED or run.recipe.path not in item.paths:
        return item
    kind = run.recipe.no_value(item.claim)
    says = f"{item.says}; what is declared is not {kind}"
    return item if kind is None else replace(item, outcome=Status.UNVERIFIABLE, says=says)
