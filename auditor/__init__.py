"""Audits LoRA and QLoRA model repositories without executing anything in them."""

__version__ = "0.1.0"

TYPE_CHECKING = False
"""As in typing, which would cost more than all of this module."""
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from auditor.engine.opened import Opened


def open(  # noqa: A001 - auditor.open("candidate") is what people would try first
    target: "Path | str",
    *,
    repo: "Path | str | None" = None,
    lfs_store: "Sequence[Path | str]" = (),
    base: "Path | str | None" = None,
    numbers: bool = True,
    progress: "Callable[[int, int, str], None] | None" = None,
) -> "Opened":
    """Open an adapter, a checkpoint or a whole repository: what `audit inspect` shows, as Python objects.

    ``target`` is a folder, a bundle, one file or a ref; ``TARGET:FOLDER`` is a part of it. With ``repo`` (a
    repository, a bare one or a bundle) it is a ref of that one. ``lfs_store`` are further folders of Git LFS objects.
    ``base`` is the folder of the base model, whose config.json tells the modules there are.
    ``numbers=False`` reads no values of tensors. ``progress`` is called with bytes done, bytes in all and what is
    being done. Nothing is executed, written or fetched.

    Raises `auditor.errors.UsageError` when there is no such target, and `auditor.errors.IncompleteError` when git does
    not answer. Files that cannot be read raise nothing: they are in ``unread``, each with its reason.
    """
    from auditor.engine.opened import opened

    return opened(target, repo=repo, lfs_store=lfs_store, base=base, numbers=numbers, progress=progress)
