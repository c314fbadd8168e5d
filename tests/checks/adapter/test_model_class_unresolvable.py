from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "model-class-unresolvable"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_file_from_before_auto_mapping() -> None:
    edits = {CONFIG: {"/task_type": None, "/auto_mapping": DELETE}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails() -> None:
    says = (
        "`task_type` and `auto_mapping` are both null, so AutoPeftModel cannot tell which model class to load"
    )
    assert found(RULE, healthy(json_edits={CONFIG: {"/task_type": None}})) == [
        finding(
            RULE,
            ERROR,
            says,
            CONFIG,
            "/task_type",
            expected="a task type, or a class in auto_mapping",
            observed="null, null",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
