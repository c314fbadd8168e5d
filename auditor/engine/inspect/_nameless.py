"""Torch files of weights under names that no reader knows: ``weights.pt`` alone, or beside an adapter_config.json."""

from collections.abc import Iterator
from dataclasses import replace

from auditor.artifacts._readers import readers_of
from auditor.artifacts._safetensors import shown
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.model import Blob, Unread, folder_of, name_of
from auditor.runs import Contents, Folder
from auditor.runs._words import step_of

_ENDS = (".bin", ".pt", ".pth", ".ckpt")
_SAID = 20
"""Tensors that are not read, named at most of one file."""


def with_nameless(contents: Contents) -> Contents:
    """With such a file where it is all that was pointed at, or the only one in a folder whose adapter has no weights.

    Of one that was pointed at and holds no weights it is said why. Rules do not see these files.
    """
    folders, unread = dict(contents.folders), list(contents.unread)
    alone = _alone(contents)
    for blob in _nameless(contents, alone):
        try:
            found = ModelWeights.in_part(blob)
            if not found.tensors:
                raise CannotRead("holds no tensors by name")
        except CannotRead as error:
            unread += [Unread(blob.path, error.reason, "unreadable")] if blob is alone else []
            continue
        add(folders, found)
        unread += [Unread(blob.path, said_of_unread(found), "unreadable")] if found.unread else []
    return replace(contents, folders=dict(sorted(folders.items())), unread=tuple(unread))


def add(folders: dict[str, Folder], weights: AdapterWeights) -> None:
    """Put a weight file beside what was read of its folder."""
    path, kind = folder_of(weights.path), type(weights)
    folder = folders.get(path) or Folder(path, {}, step_of(path))
    files = sorted((*folder.all(kind), weights), key=lambda item: item.path)
    folders[path] = replace(folder, artifacts={**folder.artifacts, kind: tuple(files)})


def said_of_unread(weights: AdapterWeights) -> str:
    """What is said of a file that was read in part."""
    if len(weights.unread) == 1:
        return f"{next(iter(weights.unread.values()))}; all others are"
    names = ", ".join(shown(name) for name in list(weights.unread)[:_SAID])
    more = f" and {len(weights.unread) - _SAID:,} more" if len(weights.unread) > _SAID else ""
    return f"holds {len(weights.unread):,} sparse or quantized tensors, which are not read: {names}{more}"


def _alone(contents: Contents) -> Blob | None:
    """The file that was pointed at: the only one, but for the settings that are taken with it."""
    files = [blob for path, blob in contents.snapshot.files.items() if not AdapterConfig.matches(path)]
    return files[0] if len(files) == 1 and _may_hold_weights(files[0]) else None


def _nameless(contents: Contents, alone: Blob | None) -> Iterator[Blob]:
    """The files that are looked at."""
    if alone is not None:
        yield alone
        return
    bare = {path for path, folder in contents.folders.items() if folder.all(AdapterConfig)}
    bare -= {
        path for path in bare for kind in (AdapterWeights, ModelWeights) if contents.folders[path].all(kind)
    }
    bare -= {folder_of(path) for path in contents.snapshot.files if AdapterWeights.matches(path)}
    found: dict[str, list[Blob]] = {}
    for path, blob in contents.snapshot.files.items() if bare else ():
        if folder_of(path) in bare and _may_hold_weights(blob):
            found.setdefault(folder_of(path), []).append(blob)
    yield from (blobs[0] for blobs in found.values() if len(blobs) == 1)


def _may_hold_weights(blob: Blob) -> bool:
    return name_of(blob.path).lower().endswith(_ENDS) and set(readers_of(blob.path)) <= {PickleArchive}
