"""Artifacts and recipe -> Runs: which adapter folder, checkpoints, event files and declared config belong together.

A repository may hold many adapters and many runs, in any folder; a folder named ``checkpoint-N`` belongs to the
run whose history it continues (lineage), not simply to its parent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from auditor.artifacts._base import Artifact
from auditor.artifacts._readers import readers_of
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.known_bases import lookup
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.errors import CannotRead
from auditor.model import Blob, FileKind, Snapshot, Unread, folder_of, name_of
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import is_recipe, read_recipe

A = TypeVar("A", bound=Artifact)
CHECKPOINT = re.compile(r"^checkpoint-(\d{1,12})$")
_RUN_MARKS: tuple[type[Artifact], ...] = (AdapterConfig, AdapterWeights, TrainerState, TrainingArgs)


@dataclass(frozen=True, slots=True)
class Folder:
    """The artifacts of one folder, by type; ``step`` is N in a folder named checkpoint-N."""

    path: str
    artifacts: Mapping[type[Artifact], tuple[Artifact, ...]]
    step: int | None = None

    def all(self, kind: type[A]) -> tuple[A, ...]:
        """Every artifact of a kind in this folder, by path."""
        return tuple(item for item in self.artifacts.get(kind, ()) if isinstance(item, kind))

    def one(self, kind: type[A]) -> A | None:
        """The first artifact of a kind in this folder, or None."""
        return next(iter(self.all(kind)), None)


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything read from a snapshot: folders by path, recipes, and what could not be read."""

    snapshot: Snapshot
    folders: Mapping[str, Folder]
    recipes: tuple[Recipe, ...] = ()
    unread: tuple[Unread, ...] = ()

    def unread_at(self, path: str) -> Unread | None:
        """Why a path was not read, or None."""
        return next((item for item in self.unread if item.path == path), None)


@dataclass(frozen=True, slots=True)
class Run:
    """One training run: its own folder, its checkpoints by step, its event files and its declared recipe.

    ``name`` is unique in a repository; ``base`` is the base model's configuration, ``base_source`` says where it
    was taken from ("given", "repository", "table of known models").
    """

    name: str
    root: Folder
    checkpoints: tuple[Folder, ...]
    contents: Contents
    events: tuple[EventLog, ...] = ()
    recipe: Recipe | None = None
    base: BaseConfig | None = None
    base_source: str = ""

    @property
    def path(self) -> str:
        """The run's own folder; "" is the root of the repository."""
        return self.root.path

    @property
    def folders(self) -> tuple[Folder, ...]:
        """The run's own folder, then its checkpoints by step."""
        return (self.root, *self.checkpoints)

    @property
    def last(self) -> Folder | None:
        """The checkpoint with the highest step, or None."""
        return self.checkpoints[-1] if self.checkpoints else None

    def all(self, kind: type[A]) -> tuple[A, ...]:
        """Every artifact of a kind: own folder first, then checkpoints by step."""
        return tuple(item for folder in self.folders for item in folder.all(kind))

    def one(self, kind: type[A]) -> A | None:
        """The run's own artifact of a kind, else that of its last checkpoint that has one."""
        own = self.root.one(kind)
        if own is not None:
            return own
        return next((item for folder in reversed(self.checkpoints) for item in folder.all(kind)), None)

    def latest(self, kind: type[A]) -> A | None:
        """The artifact of a kind from the last checkpoint that has one, else the run's own."""
        found = next((item for folder in reversed(self.checkpoints) for item in folder.all(kind)), None)
        return found if found is not None else self.root.one(kind)

    def blob(self, name: str, folder: Folder | None = None) -> Blob | None:
        """The file of that name in a folder of the run (its own folder by default), read or not."""
        where = (folder or self.root).path
        return self.contents.snapshot.files.get(f"{where}/{name}" if where else name)

    def blobs(self, name: str) -> Iterator[tuple[Folder, Blob]]:
        """The files of that name over all folders of the run."""
        for folder in self.folders:
            blob = self.blob(name, folder)
            if blob is not None:
                yield folder, blob


def read(snapshot: Snapshot) -> Contents:
    """Read every recognised file of a snapshot; what cannot be read is kept with its reason."""
    found: dict[str, dict[type[Artifact], list[Artifact]]] = {}
    unread: dict[str, Unread] = {}
    recipes: list[Recipe] = []
    for path, blob in snapshot.files.items():
        for item in _parse(path, blob, unread):
            found.setdefault(folder_of(path), {}).setdefault(type(item), []).append(item)
        recipe = _recipe(path, blob, unread)
        if recipe is not None:
            recipes.append(recipe)
    folders = {
        path: Folder(path, {kind: tuple(items) for kind, items in kinds.items()}, _step(path))
        for path, kinds in sorted(found.items())
    }
    return Contents(snapshot, folders, tuple(recipes), tuple(unread.values()))


def _parse(path: str, blob: Blob, unread: dict[str, Unread]) -> Iterator[Artifact]:
    if blob.kind is not FileKind.FILE:
        if _hides(path):
            unread[path] = Unread(path, f"is a {blob.kind.value}, which is never followed", "unreadable")
        return
    for reader in readers_of(path):
        if blob.absent is not None and not reader.reads_absent:
            unread[path] = Unread(path, blob.absent, "unfetched")
            continue
        try:
            yield reader.parse(blob)
        except CannotRead as error:
            unread.setdefault(path, Unread(path, error.reason, error.state))


def _hides(path: str) -> bool:
    """Whether a link or submodule stands where a file that is read, or a whole checkpoint, belongs."""
    return bool(readers_of(path)) or is_recipe(path) or _step(path) is not None


def _recipe(path: str, blob: Blob, unread: dict[str, Unread]) -> Recipe | None:
    if blob.kind is not FileKind.FILE:
        return None
    try:
        return read_recipe(path, blob)
    except CannotRead as error:
        unread.setdefault(path, Unread(path, error.reason, error.state))
        return None


def _step(path: str) -> int | None:
    match = CHECKPOINT.match(name_of(path))
    return int(match.group(1)) if match else None


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
        parent = folder_of(path) if _step(path) is not None else path
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
    lineages: list[list[Folder]] = []
    for folder in checkpoints:
        home = next((lineage for lineage in lineages if _continues(lineage[-1], folder)), None)
        if home is None:
            lineages.append([folder])
        else:
            home.append(folder)
    # The run's own folder belongs to the lineage that went furthest; other lineages stand alone.
    lineages.sort(key=lambda lineage: lineage[-1].step or 0, reverse=True)
    label = root.path or "."
    yield Run(label, root, tuple(lineages[0]) if lineages else (), contents)
    for number, lineage in enumerate(lineages[1:], start=2):
        yield Run(f"{label}#{number}", Folder(root.path, {}), tuple(lineage), contents)


def _continues(earlier: Folder, later: Folder) -> bool:
    """Whether a checkpoint can be a later state of the same run.

    Rows of log_history are compared as text, because NaN is not equal to itself.
    """
    before, after = earlier.one(TrainerState), later.one(TrainerState)
    if before is not None and after is not None:
        if before.row_texts != after.row_texts[: len(before.row_texts)]:
            return False
        if not before.row_texts and before.max_steps != after.max_steps:
            return False
    one, two = earlier.one(AdapterConfig), later.one(AdapterConfig)
    if one is None or two is None:
        return True
    return (one.peft_type, one.r, _base_word(one)) == (two.peft_type, two.r, _base_word(two))


def _base_word(config: AdapterConfig) -> str | None:
    """The last part of the base's name: a run may name the hub id in one folder and its local copy in another."""
    name = config.base_model_name_or_path
    return None if name is None else name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()


def _owner(path: str, runs: Iterable[Run]) -> Run | None:
    """The run whose folder is the longest that contains a path.

    A file outside every run's folder belongs to none: an event file at the root beside an adapter in ``model/`` is
    often another run's, and holding it against that adapter would accuse an honest one.
    """
    holding = [run for run in runs if not run.path or path.startswith(run.path + "/")]
    return max(holding, key=lambda run: (len(run.path), "#" not in run.name), default=None)


def _with_events(runs: Sequence[Run], contents: Contents) -> list[Run]:
    owned: dict[str, list[EventLog]] = {}
    for folder in contents.folders.values():
        for log in folder.all(EventLog):
            run = _owner(log.path, runs)
            if run is not None:
                owned.setdefault(run.name, []).append(log)
    return [replace(run, events=tuple(owned.get(run.name, ()))) for run in runs]


def _with_recipes(runs: Sequence[Run], contents: Contents) -> list[Run]:
    """A declared config belongs to the runs of the nearest folder at or below its own."""
    found: list[Run] = []
    for run in runs:
        above = [
            recipe
            for recipe in contents.recipes
            if not folder_of(recipe.path) or (run.path + "/").startswith(folder_of(recipe.path) + "/")
        ]
        nearest = max(above, key=lambda recipe: len(folder_of(recipe.path)), default=None)
        found.append(replace(run, recipe=nearest))
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
