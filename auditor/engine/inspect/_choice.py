"""Which folder of a snapshot is meant when two adapters are set side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.compare.pairs import weights_blob
from auditor.engine.inspect._reading import runs_of
from auditor.engine.inspect._weights import weights_in
from auditor.errors import IncompleteError, UsageError
from auditor.model import Snapshot
from auditor.runs import Contents, Folder, Run

if TYPE_CHECKING:
    from auditor.compare.tensors import WeightSet

_LISTED = 8


@dataclass(frozen=True, slots=True)
class Chosen:
    """One folder of one run, and the snapshot that it was read from."""

    snapshot: Snapshot
    run: Run
    folder: Folder

    @property
    def weights(self) -> AdapterWeights | None:
        """The adapter's weights, those of a file under another name too, when they were read."""
        return weights_in(self.run, self.folder)

    @property
    def config(self) -> AdapterConfig | None:
        """The adapter's configuration, when it was read."""
        return self.folder.one(AdapterConfig)

    @property
    def models(self) -> tuple[ModelWeights, ...]:
        """Files of weights that are no PEFT adapter's."""
        return self.folder.all(ModelWeights)

    @property
    def model(self) -> "WeightSet":
        """The whole model's as one set, with what is known of shards that were not read; it may hold no file."""
        from auditor.compare.models import model_of

        return model_of(self.run.contents, self.folder)

    @property
    def set(self) -> "WeightSet":
        """The weights as one set, the adapter's or the whole model's; it may hold no file."""
        from auditor.compare.tensors import WeightSet

        return self.model if self.weights is None else WeightSet((self.weights,))

    @property
    def path(self) -> str | None:
        """The weight file, read or not."""
        blob = weights_blob(self.run, self.folder)
        if blob is not None:
            return blob.path
        return self.models[0].path if self.models else None


def choose(snapshot: Snapshot) -> Chosen:
    """The only run's own folder, else its last checkpoint with weights. Raises UsageError where that is not clear.

    IncompleteError where the only weights could not be read.
    """
    contents, runs = runs_of(snapshot)
    with_weights = [(run, folder) for run in runs if (folder := _own(run)) is not None]
    if len(with_weights) == 1:
        return Chosen(snapshot, *with_weights[0])
    if not with_weights:
        _refuse_unread(contents)
        raise UsageError(
            f"{snapshot.name} holds no weights to set side by side",
            "give a ref, a folder or a file that holds an adapter",
        )
    raise _many(snapshot, [folder.path for _, folder in with_weights])


def _refuse_unread(contents: Contents) -> None:
    """Raise IncompleteError where there are weights and they could not be read."""
    for item in contents.unread:
        if AdapterWeights.matches(item.path) or ModelWeights.matches(item.path):
            raise IncompleteError(
                f"the weights of {contents.snapshot.name} were not read: {item.path} {item.reason}",
                "audit inspect of it alone shows the rest",
            )


def _own(run: Run) -> Folder | None:
    for folder in (run.root, *reversed(run.checkpoints)):
        if weights_blob(run, folder) is not None or folder.all(ModelWeights):
            return folder
    return None


def _many(snapshot: Snapshot, folders: Sequence[str]) -> UsageError:
    names = ", ".join(folder or "." for folder in folders[:_LISTED])
    more = f" and {len(folders) - _LISTED} more" if len(folders) > _LISTED else ""
    return UsageError(
        f"{snapshot.name} holds adapters in {len(folders)} folders: {names}{more}",
        f"say which: TARGET:{folders[-1] or 'FOLDER'}",
    )
