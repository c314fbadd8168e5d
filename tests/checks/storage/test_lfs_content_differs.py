from dataclasses import replace
from typing import NoReturn

from auditor.errors import CannotRead
from auditor.model import Digest, Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "lfs-content-differs"
PATH = "adapter_model.safetensors"
OID = Digest("sha256", "ab" * 32)


def pointed(damaged: bool) -> Snapshot:
    """The honest adapter behind a pointer, whose object is the promised one or is not."""

    def refuse() -> NoReturn:
        raise CannotRead("its sha256 is another", "mismatch")

    snapshot = healthy()
    blob = snapshot.files[PATH].replaced(lfs=OID)
    blob = blob.replaced(content=refuse) if damaged else blob
    return replace(snapshot, files={**snapshot.files, PATH: blob}, cache={})


def test_passes() -> None:
    assert found(RULE, pointed(damaged=False)) == []


def test_fails_for_another_content() -> None:
    assert found(RULE, pointed(damaged=True)) == [
        finding(
            RULE,
            ERROR,
            f"the content of {PATH} is not what its pointer promises: its sha256 is another",
            PATH,
            expected=str(OID),
            observed="another content",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no file is a Git LFS pointer"]
    assert reasons(RULE, seed()) == ["no LFS object is on this machine"]
