from auditor.model import Snapshot
from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "compiled-code-published"


def test_passes() -> None:
    assert found(RULE, healthy(data={"tool.py": b"def tool(): ..."})) == []


def test_fails_for_a_library() -> None:
    assert found(RULE, healthy(data={"kernels/fast.SO": b"\x7fELF", "a.dll": b"MZ"})) == [
        finding(
            RULE,
            WARNING,
            "2 compiled files, first a.dll",
            "a.dll",
            expected="weights, configurations and source",
            observed="a.dll, kernels/fast.SO",
        )
    ]


def test_fails_as_a_note_for_python_s_caches() -> None:
    (only,) = found(RULE, healthy(data={"__pycache__/a.cpython-311.pyc": b"x"}))
    assert only.severity is NOTE


def test_fails_as_a_note_in_environments_and_builds() -> None:
    for path in ("venv/Lib/a.pyd", "Scripts/hf.exe", ".triton/cache/x/l.so", "eval/bin/Debug/net10.0/e.dll"):
        (only,) = found(RULE, healthy(data={path: b"MZ"}))
        assert (only.severity, only.at.path) == (NOTE, path)
    (only,) = found(RULE, healthy(data={"kernels/environment.so": b"MZ"}))
    assert only.severity is WARNING


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, Snapshot("empty", {})) == ["the repository holds no file"]
