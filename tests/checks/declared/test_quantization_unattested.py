from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "quantization-unattested"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/peft/quantization"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "int4 is declared, and no file shows that the base was quantized",
            CONFIG,
            KEY,
            expected="a quantization_config that says int4",
            observed="none",
            evidence=(
                (
                    "the event file was not read (unfetched); only the model configuration in an event file would "
                    "show int4"
                ),
            ),
        )
    ]


def test_fails_as_an_error_where_the_event_file_shows_another() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {KEY: "int8"}})) == [
        finding(
            RULE,
            ERROR,
            "quantization is declared as int8, and the event file's model configuration says 4 bits (nf4)",
            CONFIG,
            KEY,
            expected="int8",
            observed="4",
            evidence=("tested by quantization-from-event-text",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(json_edits={CONFIG: {KEY: DELETE}})) == ["no quantization is declared"]
    assert reasons(RULE, seed(json_edits={CONFIG: {KEY: None}})) == ["no quantization is declared"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]
