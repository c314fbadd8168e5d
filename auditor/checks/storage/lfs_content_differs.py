"""An LFS object is not the content that its pointer promises.

A pointer states sha256 and size of the content (git-lfs, docs/spec.md; git-lfs-smudge(1)). git-lfs refuses
an object with another digest, so nobody gets this file; and somebody's store holds something else under its
name.

Wrong when: the object in the store given with --lfs-store was cut off while it was copied.

Fix: fetch the object again (`git lfs fsck`); if it still differs, ask its author to push it anew.

Bad:
    # an object whose last byte was changed in the store
    adapter_model.safetensors: object of another content

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """Every file whose content was read and hashed."""
    if not any(blob.lfs for blob in contents.snapshot.files.values()):
        yield Skip("no file is a Git LFS pointer")
    elif not any(blob.lfs and blob.absent is None for blob in contents.snapshot.files.values()):
        yield Skip("no LFS object is on this machine")
    for item in contents.unread:
        if item.state == "mismatch":
            yield Problem(
                f"the content of {item.path} is not what its pointer promises: {item.reason}",
                Location(item.path),
                expected=str(contents.snapshot.files[item.path].lfs or "the promised content"),
                observed="another content",
            )
