from dataclasses import replace
from typing import NoReturn

from auditor.model import Blob, Digest, FileKind, Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "submodule-without-address"


def refuse() -> NoReturn:
    raise AssertionError("a submodule is never opened")


def with_links(*paths: str, modules: bytes | None = None) -> Snapshot:
    files = {".gitmodules": modules} if modules is not None else {}
    snapshot = memory_snapshot("x", {"README.md": b"# x\n", **files})
    commit = Digest("git-sha1", "1" * 40)
    links = {path: Blob(path, None, refuse, FileKind.SUBMODULE, commit) for path in paths}
    return replace(snapshot, files={**snapshot.files, **links}, cache={})


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    modules = b'[submodule "lib"]\n\tpath = lib\n\turl = https://example.org/lib\n'
    assert found(RULE, with_links("lib", modules=modules)) == []


def test_fails() -> None:
    assert found(RULE, with_links("LIBERO", "lib", modules=b'[submodule "lib"]\n\tpath = lib\n')) == [
        finding(
            RULE,
            NOTE,
            "1 submodule without an address in .gitmodules: LIBERO",
            "LIBERO",
            expected="a line `path = ...` in .gitmodules",
            observed="none",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    folder = replace(healthy(), kind="directory")
    assert reasons(RULE, folder) == ["a folder alone does not show how git stores it (give a ref)"]
