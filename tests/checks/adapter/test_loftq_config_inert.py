from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "loftq-config-inert"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_when_loftq_is_asked_for() -> None:
    edits = {CONFIG: {"/init_lora_weights": "loftq"}}
    assert found(RULE, seed(json_edits=edits, without=["checkpoint-450/"])) == []


def test_fails_on_the_real_case() -> None:
    says = "`loftq_config` (loftq_bits 4, loftq_iter 1) had no effect, because `init_lora_weights` is true"
    assert found(RULE, seed(without=["checkpoint-450/"])) == [
        finding(
            RULE,
            WARNING,
            says,
            CONFIG,
            "/loftq_config",
            expected='`init_lora_weights` "loftq", or an empty `loftq_config`',
            observed="`init_lora_weights` true",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
