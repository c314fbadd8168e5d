"""What git itself stores at a path, as far as a snapshot shows it."""

from auditor.artifacts.git_attributes import GitAttributes, Rule
from auditor.model import Blob, FileKind, Skip, name_of
from auditor.runs import Contents


def not_a_repository(contents: Contents) -> Skip | None:
    """Why storage cannot be judged: a mere folder may lie below the .gitattributes that rules it."""
    if contents.snapshot.kind not in ("git", "memory"):
        return Skip("a folder alone does not show how git stores it (give a ref)")
    unread = next((item for item in contents.unread if name_of(item.path) == ".gitattributes"), None)
    return Skip(f"{unread.path} {unread.reason}") if unread else None


def deciding(contents: Contents, path: str) -> Rule | None:
    """The line that decides about ``filter`` for a path: the nearest .gitattributes upwards that has one."""
    folder = path.rpartition("/")[0]
    while True:
        here = contents.folders.get(folder)
        attributes = here.one(GitAttributes) if here else None
        rule = attributes.deciding(path) if attributes else None
        if rule is not None or not folder:
            return rule
        folder = folder.rpartition("/")[0]


def is_ruled_lfs(contents: Contents, path: str) -> bool:
    """Whether ``filter=lfs`` wins for a path."""
    rule = deciding(contents, path)
    return rule is not None and rule.is_lfs


def is_plain(blob: Blob) -> bool:
    """Whether git stores the content itself: a git object that is no pointer and is not empty."""
    known = blob.object_id is not None and blob.object_id.algorithm.startswith("git-")
    return known and blob.kind is FileKind.FILE and blob.lfs is None and bool(blob.size)


def listed(paths: list[str], most: int = 3) -> str:
    """``a, b, c and 4 more``."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more} more" if more > 0 else "")
