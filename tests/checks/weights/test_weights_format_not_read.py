from auditor.engine.audit import Options, check
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "weights-format-not-read"


def files(*paths: str) -> Snapshot:
    return memory_snapshot("made", dict.fromkeys(paths, b"x"))


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_what_is_read() -> None:
    assert (
        found(RULE, files("model.safetensors", "pytorch_model.bin", "x.pt", "x.ckpt", "README.md", "gguf"))
        == []
    )


def test_fails_once_for_each_format() -> None:
    assert found(RULE, files("a/model-Q4.gguf", "model-Q8.gguf", "export/model.keras")) == [
        finding(RULE, NOTE, "2 files in the format of GGUF are not read", "a/model-Q4.gguf", observed=SEEN),
        finding(
            RULE,
            NOTE,
            "1 file in the format of Keras is not read",
            "export/model.keras",
            observed="export/model.keras",
            evidence=("a Lambda layer inside is Python bytecode",),
        ),
    ]


SEEN = "a/model-Q4.gguf, model-Q8.gguf"


def test_fails_for_a_checkpoint_of_tensorflow() -> None:
    (only,) = found(RULE, files("model.ckpt.index", "model.ckpt.data-00000-of-00001"))
    assert only.message == "2 files in the format of TensorFlow's checkpoint are not read"


def test_an_honest_repository_with_such_a_file_still_passes() -> None:
    report = check(healthy(data={"export/model.gguf": b"GGUF"}), Options())
    assert (report.verdict, report.exit_code) == ("pass", 0)


def test_cannot_look_at_an_empty_repository() -> None:
    assert reasons(RULE, memory_snapshot("made", {})) == ["the repository holds no file"]
