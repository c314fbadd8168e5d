from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "task-type-not-applied"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/peft/task_type"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "CAUSAL_LM is declared, and null is what PEFT received: task_type did not arrive",
            CONFIG,
            KEY,
            expected="CAUSAL_LM",
            observed="null",
            evidence=("tested by declared-against-adapter-config",),
        )
    ]


def test_fails_as_an_error_for_another_type() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {KEY: "SEQ_CLS"}})) == [
        finding(
            RULE,
            ERROR,
            "task_type is declared as SEQ_CLS, and adapter_config.json says CAUSAL_LM",
            CONFIG,
            KEY,
            expected="SEQ_CLS",
            observed="CAUSAL_LM",
            evidence=("tested by declared-against-adapter-config",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(json_edits={CONFIG: {KEY: DELETE}})) == ["no task_type is declared"]
    gone = seed(without=("adapter_config.json", "checkpoint-450/adapter_config.json"))
    assert reasons(RULE, gone) == ["no adapter_config.json records a task_type"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]
