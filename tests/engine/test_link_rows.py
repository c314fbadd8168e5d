"""A link in the place of a file that is read counts among the files, as one that could not be read."""

from typing import BinaryIO

from auditor.engine.audit import Options, check
from auditor.model import Blob, FileKind, Snapshot
from tests.builders.repositories import healthy


def refuse() -> BinaryIO:
    raise AssertionError("a link is never opened")


def test_a_linked_configuration_is_no_clean_pass() -> None:
    files = {
        **healthy().files,
        "adapter_config.json": Blob("adapter_config.json", None, refuse, FileKind.SYMLINK),
    }
    honest, linked = check(healthy(), Options()), check(Snapshot("x", files, kind="memory"), Options())
    assert (honest.verdict, linked.verdict, linked.exit_code) == ("pass", "incomplete", 3)
    assert linked.coverage.files["total"] == honest.coverage.files["total"]
    assert linked.coverage.files["unreadable"] == 1
