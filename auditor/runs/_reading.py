"""Snapshot -> Contents: every recognised file read, what cannot be read kept with its reason."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

from auditor.artifacts._base import Artifact
from auditor.artifacts._pickled import Pickled
from auditor.artifacts._readers import readers_of
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead
from auditor.model import Blob, FileKind, Snapshot, Unread, folder_of, name_of
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import Allowance, is_recipe, read_recipe
from auditor.runs._shared_rows import SharedRows
from auditor.runs._words import LAST, Contents, Folder, step_of
from auditor.sources._hashing import together

MOST_RECIPES = 256
"""Declared configurations recognised by their content, at most."""
_LARGE = 8 * 1024 * 1024
"""Bytes that take longer to hash than a thread takes to start."""


def read(snapshot: Snapshot, kinds: frozenset[type[Artifact]] | None = None) -> Contents:
    """Read every recognised file of a snapshot; what cannot be read is kept with its reason.

    With ``kinds`` files that are of none of them are passed over, as if nobody knew them, and none is read as another.
    """
    found: dict[str, dict[type[Artifact], list[Artifact]]] = {}
    unread: dict[str, Unread] = {}
    recipes: list[Recipe] = []
    allowance, shared = Allowance(), SharedRows()
    wanted = {path: _readers(path, kinds) for path in snapshot.files}
    _hash_ahead([blob for path, blob in snapshot.files.items() if wanted[path]])
    for path, blob in snapshot.files.items():
        for item in _parse(path, blob, wanted[path], unread) if wanted[path] or kinds is None else ():
            if isinstance(item, TrainerState):
                item = shared.of(item)
            found.setdefault(folder_of(path), {}).setdefault(type(item), []).append(item)
        # Past that many configurations it is somebody's collection, and only names that a platform owns are opened.
        recipe = (
            _recipe(path, blob, unread, allowance) if len(recipes) < MOST_RECIPES or is_recipe(path) else None
        )
        if recipe is not None:
            recipes.append(recipe)
    folders = {
        path: _folder(path, {kind: tuple(items) for kind, items in kinds.items()})
        for path, kinds in sorted(found.items())
    }
    return Contents(snapshot, folders, tuple(recipes), tuple(unread.values()))


def _folder(path: str, artifacts: Mapping[type[Artifact], tuple[Artifact, ...]]) -> Folder:
    """A folder with its step: that of its name, or that of its state where the Trainer names the last one so."""
    step = step_of(path)
    if step is None and name_of(path) == LAST:
        states = (item for item in artifacts.get(TrainerState, ()) if isinstance(item, TrainerState))
        step = next((state.global_step for state in states), None)
    return Folder(path, artifacts, step)


def _readers(path: str, kinds: frozenset[type[Artifact]] | None) -> Sequence[type[Artifact]]:
    known = readers_of(path)
    return known if kinds is None else [reader for reader in known if reader in kinds]


def _hash_ahead(blobs: Sequence[Blob]) -> None:
    """Large objects of Git LFS are hashed when they are first opened: do that for several at a time.

    What is wrong with one is remembered by its store and said to whoever opens it next.
    """
    large = {
        blob.lfs: blob
        for blob in blobs
        if blob.lfs is not None
        and blob.absent is None
        and (blob.size or 0) >= _LARGE
        and readers_of(blob.path)
    }
    if len(large) > 1:
        together([partial(_open_once, blob) for blob in large.values()])


def _open_once(blob: Blob) -> None:
    with contextlib.suppress(CannotRead, OSError):
        blob.open().close()


def _parse(
    path: str, blob: Blob, readers: Sequence[type[Artifact]], unread: dict[str, Unread]
) -> Iterator[Artifact]:
    if blob.kind is not FileKind.FILE:
        if _hides(path):
            unread[path] = Unread(path, f"is a {blob.kind}, which is never followed", "unreadable")
        return
    if name_of(path).startswith("._") and _is_apple_double(blob):
        return
    walked = cache(partial(PickleArchive.parse, blob))
    for reader in readers:
        if blob.absent is not None and not reader.reads_absent:
            unread[path] = Unread(path, blob.absent, "unfetched")
            continue
        try:
            yield _read(reader, blob, walked)
        except CannotRead as error:
            unread.setdefault(path, Unread(path, error.reason, error.state))


def _read(reader: type[Artifact], blob: Blob, walked: Callable[[], PickleArchive]) -> Artifact:
    """What a reader makes of a file; those of pickles share one walk. Raises CannotRead."""
    if issubclass(reader, Pickled):
        return reader.taken(walked())
    return walked() if reader is PickleArchive else reader.parse(blob)


def _is_apple_double(blob: Blob) -> bool:
    """Whether a file holds what macOS keeps beside ``name`` as ``._name`` (RFC 1740): no copy of it."""
    try:
        with blob.open() as stream:
            return stream.read(4) == b"\x00\x05\x16\x07"
    except CannotRead:
        return False


def _hides(path: str) -> bool:
    """Whether a link or submodule stands where a file that is read, or a whole checkpoint, belongs."""
    return bool(readers_of(path)) or is_recipe(path) or step_of(path) is not None


def _recipe(path: str, blob: Blob, unread: dict[str, Unread], allowance: Allowance) -> Recipe | None:
    if blob.kind is not FileKind.FILE:
        return None
    try:
        return read_recipe(path, blob, allowance)
    except CannotRead as error:
        unread.setdefault(path, Unread(path, error.reason, error.state))
        return None
