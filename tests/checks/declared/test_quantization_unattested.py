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


def test_passes_a_run_below_an_event_file_that_may_be_its_own() -> None:
    """Trained into out/ while TensorBoard wrote beside the script: whose events they are nobody knows."""
    files = {path: blob.read() for path, blob in healthy().files.items()}
    moved = {
        path if "tfevents" in path or path == CONFIG else f"out/{path}": data for path, data in files.items()
    }
    below = memory_snapshot("below", moved)
    (reason,) = reasons(RULE, below)
    assert reason == "an event file outside every run's folder says 4 bits; it may be this run's"
    without = {path: data for path, data in moved.items() if "tfevents" not in path}
    (only,) = found(RULE, memory_snapshot("without", without))
    assert only.observed == "none"


def test_fails_where_the_event_file_is_anothers() -> None:
    files = {path: blob.read() for path, blob in healthy().files.items()}
    event = next(path for path in files if "tfevents" in path)
    moved = {path if path == CONFIG else f"out/{path}": data for path, data in files.items() if path != event}
    other = {"b/adapter_config.json": files["adapter_config.json"], f"b/{event}": files[event]}
    assert [item.severity for item in found(RULE, memory_snapshot("two", {**moved, **other}))] == [WARNING]
