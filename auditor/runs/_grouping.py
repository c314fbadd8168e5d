"""Contents -> Runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.artifacts._base import Artifact
from auditor.artifacts._readers import readers_of
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.known_bases import lookup
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import folder_of
from auditor.recipes._choice import Place, Shelf
from auditor.runs._lineage import Lineage, argument_differences, lineages, same_adapter
from auditor.runs._words import Contents, Folder, Run, step_of

_RUN_MARKS: tuple[type[Artifact], ...] = (AdapterConfig, AdapterWeights, TrainerState, TrainingArgs)
OTHERS = 3
"""Differing arguments that make another run: a resumed one has other epochs and perhaps another rate."""
RTOL = 1e-6
"""float32 of an event file against the number of log_history."""


def group(contents: Contents, base: BaseConfig | None = None) -> tuple[Run, ...]:
    """Group what was read into runs, by path; ``base`` is the base model's configuration when the user gave one."""
    checkpoints: dict[str, list[Folder]] = {}
    roots: dict[str, Folder] = {}
    for path, folder in contents.folders.items():
        if not any(folder.all(mark) for mark in _RUN_MARKS):
            continue
        if folder.step is None:
            roots[path] = folder
        else:
            checkpoints.setdefault(folder_of(path), []).append(folder)
    for path in checkpoints:
        roots.setdefault(path, contents.folders.get(path, Folder(path, {})))
    for path in _folders_with_unread_marks(contents):
        parent = folder_of(path) if step_of(path) is not None else path
        if parent not in roots:
            roots[parent] = contents.folders.get(parent, Folder(parent, {}))
    runs = [
        run
        for path, root in sorted(roots.items())
        for run in _runs_of(root, sorted(checkpoints.get(path, ()), key=lambda f: f.step or 0), contents)
    ]
    return tuple(_with_base(run, base) for run in _with_events(_with_recipes(runs, contents), contents))


def _folders_with_unread_marks(contents: Contents) -> Iterator[str]:
    """Folders whose only trace of a run is an adapter_config.json that cannot be read."""
    for item in contents.unread:
        if any(reader in _RUN_MARKS for reader in readers_of(item.path)):
            yield folder_of(item.path)


def _runs_of(root: Folder, checkpoints: Sequence[Folder], contents: Contents) -> Iterator[Run]:
    found = lineages(checkpoints)
    own = _owner_of_root(root, found)
    if own and _is_of_another_run(root, own[-1]):
        own = ()
    others = tuple(lineage for lineage in found if lineage is not own)
    label = root.path or "."
    yield Run(label, root, own, contents, others=others)
    for number, lineage in enumerate(others, start=2):
        yield Run(f"{label}#{number}", Folder(root.path, {}), lineage, contents)


def _owner_of_root(root: Folder, found: Sequence[Lineage]) -> Lineage:
    """The run that the folder's own files belong to.

    The one that its trainer_state.json continues, else the furthest whose adapter may be the same, else the furthest.
    """
    state = root.one(TrainerState)
    for lineage in found:
        if _goes_on(state, lineage[-1]):
            return lineage
    alike = (lineage for lineage in found if same_adapter(root, lineage[-1]))
    return next(alike, found[0] if found else ())


def _goes_on(state: TrainerState | None, last: Folder) -> bool:
    """Whether a final state begins with the rows of a checkpoint's."""
    earlier = last.one(TrainerState)
    if state is None or earlier is None or not earlier.log_history:
        return False
    return state.begins_with(earlier)


def _is_of_another_run(root: Folder, last: Folder) -> bool:
    """Whether a folder's own files were left by a later training than the checkpoints in it.

    All copies of one run's arguments agree, and people who resume or edit change one or two.
    """
    return not _goes_on(root.one(TrainerState), last) and len(argument_differences(root, last)) >= OTHERS


def _upwards(path: str) -> Iterator[str]:
    """``a/b`` -> ``a/b``, ``a``, ````."""
    while path:
        yield path
        path = folder_of(path)
    yield ""


def _with_events(runs: Sequence[Run], contents: Contents) -> list[Run]:
    """An event file belongs to the run of the nearest folder upwards.

    A file outside every run's folder belongs to none: an event file at the root beside an adapter in ``model/`` is
    often another run's, and holding it against that adapter would accuse an honest one.
    """
    sharing: dict[str, list[Run]] = {}
    for run in runs:
        sharing.setdefault(run.path, []).append(run)
    owned: dict[str, list[EventLog]] = {}
    for folder in contents.folders.values():
        for log in folder.all(EventLog):
            nearest = next((path for path in _upwards(folder.path) if path in sharing), None)
            owner = None if nearest is None else _logged_by(sharing[nearest], log)
            if owner is not None:
                owned.setdefault(owner.name, []).append(log)
    return [replace(run, events=tuple(owned.get(run.name, ()))) for run in runs]


def _logged_by(runs: Sequence[Run], log: EventLog) -> Run | None:
    """Of several runs in one folder, the one whose log_history agrees with most of the event file's losses, if any."""
    if len(runs) == 1:
        return runs[0]
    values = {point.step: point.value for point in log.scalars.get("train/loss", ())}
    agreeing = [(_agreement(run, values), run) for run in runs]
    most, nearest = max(agreeing, key=lambda item: item[0])
    return nearest if most else None


def _agreement(run: Run, values: Mapping[int, float]) -> int:
    state = run.latest(TrainerState)
    logged = state.logged("loss") if state is not None else ()
    return sum(
        step in values and abs(values[step] - value) <= RTOL * max(abs(values[step]), abs(value))
        for step, value in logged
    )


def _with_recipes(runs: Sequence[Run], contents: Contents) -> list[Run]:
    """Give each run the declared config that is its own, if any is.

    Where one folder holds several runs it is held against the folder's own alone: of which it speaks nobody knows.
    """
    shelf = Shelf(contents.recipes, frozenset(run.path for run in runs))
    found: list[Run] = []
    for run in runs:
        if run.name != (run.path or "."):
            found.append(run)
            continue
        folders = (run.path, *(folder.path for folder in reversed(run.checkpoints)))
        place = Place(folders, run.one(AdapterConfig), run.one(TrainingArgs))
        found.append(replace(run, recipe=shelf.choose(place)))
    return found


def _with_base(run: Run, given: BaseConfig | None) -> Run:
    if given is not None:
        return replace(run, base=given, base_source="given")
    own = run.root.one(BaseConfig)
    if own is not None and own.model_type:
        return replace(run, base=own, base_source="repository")
    config = run.one(AdapterConfig)
    name = config.base_model_name_or_path if config else None
    known = lookup(name, config.base_model_class if config else None) if name else None
    return replace(run, base=known, base_source="table of known models" if known else "")
