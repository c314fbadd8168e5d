"""Snapshot -> Contents: every recognised file read, what cannot be read kept with its reason."""

from collections.abc import Iterator

from auditor.artifacts._base import Artifact
from auditor.artifacts._readers import readers_of
from auditor.errors import CannotRead
from auditor.model import Blob, FileKind, Snapshot, Unread, folder_of, name_of
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import Allowance, is_recipe, read_recipe
from auditor.runs._words import Contents, Folder, step_of

MOST_RECIPES = 256
"""Declared configurations recognised by their content, at most."""


def read(snapshot: Snapshot, kinds: frozenset[type[Artifact]] | None = None) -> Contents:
    """Read every recognised file of a snapshot; what cannot be read is kept with its reason.

    With ``kinds`` files that are of none of them are passed over, as if nobody knew them.
    """
    found: dict[str, dict[type[Artifact], list[Artifact]]] = {}
    unread: dict[str, Unread] = {}
    recipes: list[Recipe] = []
    allowance = Allowance()
    for path, blob in snapshot.files.items():
        wanted = kinds is None or not kinds.isdisjoint(readers_of(path))
        for item in _parse(path, blob, unread) if wanted else ():
            found.setdefault(folder_of(path), {}).setdefault(type(item), []).append(item)
        # Past that many configurations it is somebody's collection, and only names that a platform owns are opened.
        recipe = (
            _recipe(path, blob, unread, allowance) if len(recipes) < MOST_RECIPES or is_recipe(path) else None
        )
        if recipe is not None:
            recipes.append(recipe)
    folders = {
        path: Folder(path, {kind: tuple(items) for kind, items in kinds.items()}, step_of(path))
        for path, kinds in sorted(found.items())
    }
    return Contents(snapshot, folders, tuple(recipes), tuple(unread.values()))


def _parse(path: str, blob: Blob, unread: dict[str, Unread]) -> Iterator[Artifact]:
    if blob.kind is not FileKind.FILE:
        if _hides(path):
            unread[path] = Unread(path, f"is a {blob.kind.value}, which is never followed", "unreadable")
        return
    if name_of(path).startswith("._") and _is_apple_double(blob):
        return
    for reader in readers_of(path):
        if blob.absent is not None and not reader.reads_absent:
            unread[path] = Unread(path, blob.absent, "unfetched")
            continue
        try:
            yield reader.parse(blob)
        except CannotRead as error:
            unread.setdefault(path, Unread(path, error.reason, error.state))


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
