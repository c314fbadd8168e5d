"""What was read, by folder, and the runs made of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from auditor.artifacts._base import Artifact
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Blob, Snapshot, Unread, name_of
from auditor.recipes._base import Recipe
from auditor.recipes._trainers import platform_of

A = TypeVar("A", bound=Artifact)
CHECKPOINT = re.compile(r"^checkpoint-(\d{1,12})$")
LAST = "last-checkpoint"
"""Where ``hub_strategy="checkpoint"`` pushes the newest checkpoint (transformers, Trainer._push_from_checkpoint)."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The artifacts of one folder, by type; ``step`` is N in a folder named checkpoint-N.

    In one named last-checkpoint it is that of its trainer_state.json.
    """

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
class BaseFolder(Folder):
    """The base model's folder, given with --base: what lies in it besides weights; ``files`` by name."""

    files: Mapping[str, Blob] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything read from a snapshot: folders by path, recipes, and what could not be read."""

    snapshot: Snapshot
    folders: Mapping[str, Folder]
    recipes: tuple[Recipe, ...] = ()
    unread: tuple[Unread, ...] = ()
    _by_path: Mapping[str, Unread] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_path", {item.path: item for item in reversed(self.unread)})

    def unread_at(self, path: str) -> Unread | None:
        """Why a path was not read, or None."""
        return self._by_path.get(path)


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
    others: tuple[tuple[Folder, ...], ...] = ()
    """Checkpoints of other runs in the same folder, a tuple a run; only in the run that owns the folder itself."""

    @property
    def path(self) -> str:
        """The run's own folder; "" is the root of the repository."""
        return self.root.path

    @property
    def platform(self) -> str | None:
        """Who trained: by the declared config, else by the class of the training arguments."""
        arguments = self.one(TrainingArgs)
        if self.recipe is not None:
            return self.recipe.platform
        return platform_of(arguments.class_name) if arguments is not None else None

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


def step_of(path: str) -> int | None:
    """N of a folder named ``checkpoint-N``, else None."""
    match = CHECKPOINT.match(name_of(path))
    return int(match.group(1)) if match else None


def best_step(state: TrainerState) -> int | None:
    """The step of the checkpoint that a state calls the best; None where it calls none so."""
    if state.best_checkpoint is None:
        return None
    step = step_of(state.best_checkpoint)
    return state.best_global_step if step is None else step
