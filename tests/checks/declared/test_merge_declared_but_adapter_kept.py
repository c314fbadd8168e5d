from tests.builders.repositories import healthy
from tests.checks.declared.config import CONFIG, NO_RECIPE, at, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "merge-declared-but-adapter-kept"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, at({"/peft/merge_adapter": True}, without=["adapter_config.json"])) == []


def test_fails() -> None:
    assert found(RULE, at({"/peft/merge_adapter": True})) == [
        finding(
            RULE,
            NOTE,
            "merge_adapter is true, and adapter_config.json still configures an adapter",
            CONFIG,
            "/peft/merge_adapter",
            expected="merged weights and no adapter_config.json",
            observed="adapter_config.json",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
