import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "model-class-from-custom-code"
CONFIG = "adapter_config.json"
PLACE = "/auto_mapping/parent_library"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize("library", ["transformers_modules.acme.modeling_acme", "__main__", "os"])
def test_fails(library: str) -> None:
    says = f"loading with AutoPeftModel imports {library}, which belongs to none of the known model libraries"
    snapshot = seed(json_edits={CONFIG: {PLACE: library}}, without=["checkpoint-450/"])
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            WARNING,
            says,
            CONFIG,
            PLACE,
            expected="a module of transformers or another known library",
            observed=library,
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
