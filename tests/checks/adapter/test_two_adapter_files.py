from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "two-adapter-files"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_even_for_pointers() -> None:
    path = "checkpoint-9/adapter_model.bin"
    assert found(RULE, healthy(text={path: POINTER})) == [
        finding(
            RULE,
            WARNING,
            "the folder holds adapter_model.safetensors and adapter_model.bin; PEFT loads the first and ignores the "
            "second",
            path,
            expected="one adapter file",
            observed="two adapter files",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]
