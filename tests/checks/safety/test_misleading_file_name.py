import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, found, reasons

RULE = "misleading-file-name"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    honest = {
        "docs/\u043f\u0440\u0438\u0432\u0435\u0442.md": b"",
        "\u00fcbung.txt": b"",
        "\u03b1.txt": b"",
        "Makefile": b"",
    }
    assert found(RULE, healthy(data=honest)) == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("ad\u0430pter_config.json", "the name mixes Latin letters with Cyrillic ones that look alike"),
        ("gpj\u202enoitpac.bin", "the name holds the invisible character U+202E"),
        ("adapter_config\u200b.json", "the name holds the invisible character U+200B"),
        (
            "sub/Optimizer.PT",
            "the name is 'optimizer.pt' but for its case, and no program reads it under this name",
        ),
    ],
)
def test_fails_for_a_name_that_only_looks_right(path: str, says: str) -> None:
    (item,) = found(RULE, healthy(data={path: b"x"}))
    assert (item.severity, item.message, item.at.path, item.observed) == (WARNING, says, path, ascii(path))


def test_fails_for_names_that_one_file_system_takes_for_one() -> None:
    found_here = found(RULE, healthy(data={"Adapter_Config.json": b"{}"}))
    assert [item.message for item in found_here] == [
        "the name is 'adapter_config.json' but for its case, and no program reads it under this name",
        "2 paths differ only in case: Adapter_Config.json, adapter_config.json",
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["the repository holds no file"]
