from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "precision-contradicted"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/train_model_parameters/mixed_precision"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "mixed_precision says fp16, and no checkpoint holds the scaler.pt that fp16 writes",
            CONFIG,
            KEY,
            expected="fp16",
            observed="no scaler.pt",
            evidence=(
                (
                    "precision-from-scaler: Transformers 4.50.0 to 4.51.3 writes scaler.pt beside optimizer.pt when "
                    "fp16 runs on a GPU"
                ),
            ),
        )
    ]


def test_passes_where_the_scaler_is_there() -> None:
    assert found(RULE, seed(data={"checkpoint-450/scaler.pt": b""})) == []


def test_fails_as_an_error_where_the_arguments_say_so_themselves() -> None:
    (found_one,) = found(RULE, healthy(json_edits={CONFIG: {KEY: "bf16"}}))
    assert found_one.severity is ERROR
    assert (found_one.expected, found_one.observed) == ("bf16", "no")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=("checkpoint-450/optimizer.pt",))) == [
        "training_args.bin was not read (unfetched); it would show what the trainer received"
    ]
    assert reasons(RULE, seed(without=(CONFIG,))) == ["no mixed precision is declared"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]
