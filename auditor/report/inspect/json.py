"""An inspection as JSON (schemas/inspection-v1.schema.json). NaN and infinities are text, not measured is null."""

from auditor import __version__
from auditor.model import Change
from auditor.model.inspection import (
    AdapterInspection,
    Inspection,
    InspectionComparison,
    RunInspection,
    StateInspection,
)
from auditor.report._plain import dumps, plain
from auditor.report.inspect._view import PLAIN, View

SUFFIX = ".json"
VERSION = "1.0"


def render(found: Inspection | InspectionComparison, view: View = PLAIN) -> str:
    """Indented JSON, the same bytes for the same input; ``folder`` is "." for the root."""
    body = _inspection(found) if isinstance(found, Inspection) else _comparison(found)
    head = {"schema_version": VERSION, "tool": {"name": "audit", "version": __version__}}
    return dumps({**head, **body})


def _inspection(found: Inspection) -> dict[str, object]:
    return {
        "snapshot": plain(found.snapshot),
        "commit": found.commit,
        "numbers": found.numbers,
        "runs": [_run(run) for run in found.runs],
        "unread": [plain(item) for item in found.unread],
        "notes": plain(found.notes),
    }


def _run(run: RunInspection) -> dict[str, object]:
    return {
        "path": plain(run.path),
        "platform": plain(run.platform),
        "base": {"name": plain(run.base), "known_from": run.base_source or None},
        "training_args": {"class": plain(run.training_args_class), "values": plain(run.training_args)},
        "adapters": [_adapter(item) for item in run.adapters],
        "states": [_state(item) for item in run.states],
        "relations": [
            {
                "one": _folder(item.one),
                "two": _folder(item.two),
                "says": plain(item.says),
                "comparison": plain(item.comparison),
            }
            for item in run.relations
        ],
        "steps": [{**_record(item), "folder": _folder(item.folder)} for item in run.steps],
        "curves": [plain(item) for item in run.curves],
        "seed": plain(run.seed),
        "reach": plain(run.reach),
    }


def _folder(path: str) -> object:
    return plain(path) or "."


def _record(value: object) -> dict[str, object]:
    made = plain(value)
    return made if isinstance(made, dict) else {}


def _adapter(item: AdapterInspection) -> dict[str, object]:
    return {**_record(item), "folder": _folder(item.folder)}


def _state(item: StateInspection) -> dict[str, object]:
    return {**_record(item), "folder": _folder(item.folder)}


def _comparison(found: InspectionComparison) -> dict[str, object]:
    return {
        "base": {**_record(found.base), "folder": _folder(found.base.folder)},
        "head": {**_record(found.head), "folder": _folder(found.head.folder)},
        "relation": found.comparison.relation,
        "says": plain(found.says),
        "comparison": plain(found.comparison),
        "facts": {
            str(plain(name)): [_change(change) for change in changes] for name, changes in found.facts.items()
        },
        "tensors": [plain(item) for item in found.tensors],
        "proof": found.proof,
        "notes": plain(found.notes),
        "unread": [plain(item) for item in found.unread],
    }


def _change(change: Change) -> object:
    return plain(change)
