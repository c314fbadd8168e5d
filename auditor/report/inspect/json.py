"""An inspection as JSON (schemas/inspection-v1.schema.json). NaN and infinities are text, not measured is null."""

from collections.abc import Iterator
from dataclasses import fields

from auditor import __version__
from auditor.model import Change
from auditor.model.inspection import (
    AdapterInspection,
    Inspection,
    InspectionComparison,
    Place,
    Relation,
    RunInspection,
    StateInspection,
    StepRow,
)
from auditor.report import _plain
from auditor.report._plain import Each, Parts, plain
from auditor.report.inspect._view import PLAIN, View

SUFFIX = ".json"
VERSION = "1.0"


def render(found: Inspection | InspectionComparison, view: View = PLAIN) -> str:
    """Indented JSON, the same bytes for the same input; ``folder`` is "." for the root."""
    return "".join(pieces(found, view))


def pieces(found: Inspection | InspectionComparison, view: View = PLAIN) -> Iterator[str]:
    """The text of `render` in pieces, which a hundred checkpoints need not have in memory at once."""
    body = _inspection(found) if isinstance(found, Inspection) else _comparison(found)
    head = {"schema_version": VERSION, "tool": {"name": "audit", "version": __version__}}
    yield from _plain.pieces(Parts({**head, **body}))


def _inspection(found: Inspection) -> dict[str, object]:
    return {
        "snapshot": plain(found.snapshot),
        "commit": found.commit,
        "numbers": found.numbers,
        "runs": Each(map(_run, found.runs)),
        "unread": Each(map(plain, found.unread)),
        "notes": plain(found.notes),
    }


def _run(run: RunInspection) -> Parts:
    return Parts(
        {
            "path": plain(run.path),
            "platform": plain(run.platform),
            "base": {"name": plain(run.base), "known_from": run.base_source or None},
            "training_args": {"class": plain(run.training_args_class), "values": plain(run.training_args)},
            "adapters": Each(map(_in_folder, run.adapters)),
            "states": Each(map(_in_folder, run.states)),
            "relations": Each(map(_relation, run.relations)),
            "steps": Each(map(_in_folder, run.steps)),
            "curves": Each(map(plain, run.curves)),
            "seed": plain(run.seed),
            "reach": plain(run.reach),
        }
    )


def _relation(item: Relation) -> Parts:
    return Parts(
        {
            "one": _folder(item.one),
            "two": _folder(item.two),
            "says": plain(item.says),
            "comparison": plain(item.comparison),
        }
    )


def _folder(path: str) -> object:
    return plain(path) or "."


def _in_folder(value: AdapterInspection | StateInspection | StepRow | Place) -> Parts:
    """A record with its lists one item after the other."""
    values = ((field.name, getattr(value, field.name)) for field in fields(value))
    made = {name: Each(map(plain, item)) if isinstance(item, tuple) else plain(item) for name, item in values}
    return Parts({**made, "folder": _folder(value.folder)})


def _comparison(found: InspectionComparison) -> dict[str, object]:
    return {
        "base": _in_folder(found.base),
        "head": _in_folder(found.head),
        "relation": found.comparison.relation,
        "says": plain(found.says),
        "comparison": plain(found.comparison),
        "facts": {
            str(plain(name)): [_change(change) for change in changes] for name, changes in found.facts.items()
        },
        "tensors": Each(map(plain, found.tensors)),
        "proof": found.proof,
        "notes": plain(found.notes),
        "unread": Each(map(plain, found.unread)),
    }


def _change(change: Change) -> object:
    return plain(change)
