"""A weight or optimizer file is stored in git itself instead of Git LFS.

Every clone carries every version of such a file for ever, compression does not help (git-config(1),
`core.bigFileThreshold`: above 512 MiB no delta is tried), and forges refuse files above 100 MB. Files of
up to 1 MB, such as scheduler and random states, are left alone.

Wrong when: the repository deliberately does without Git LFS; then it is a note.

Fix: `git lfs migrate import --include="*.safetensors,*.bin,*.pt"` before the branch is merged.

Bad:
    repository: seed
    stored: git
    export/model.gguf: 1000001 zero bytes

Good:
    repository: seed
    stored: git
    export/model.gguf: 1000000 zero bytes
"""

from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.checks.storage._stored import is_plain, is_ruled_lfs, listed, not_a_repository
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR

LIMIT = 1_000_000
"""Bytes up to which a file may stay in git."""
_BINARY = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".onnx",
    ".h5",
    ".msgpack",
    ".pkl",
    ".npz",
)


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for all files; a file that an LFS rule matches is another rule's matter."""
    reason = not_a_repository(contents)
    if reason is not None:
        yield reason
        return
    files = contents.snapshot.files
    large = [
        path
        for path, blob in files.items()
        if path.lower().endswith(_BINARY) and is_plain(blob) and (blob.size or 0) > LIMIT
    ]
    outside = [path for path in large if not is_ruled_lfs(contents, path)]
    if outside:
        uses_lfs = any(blob.lfs for blob in files.values()) or any(
            is_ruled_lfs(contents, path) for path in files
        )
        total = sum(files[path].size or 0 for path in outside)
        yield Problem(
            f"git itself stores {counted(len(outside), 'binary file')} above 1 MB: {listed(outside)}",
            Location(outside[0]),
            expected="Git LFS pointers",
            observed=f"{total:,} bytes in git objects",
            severity=None if uses_lfs else Severity.NOTE,
        )
