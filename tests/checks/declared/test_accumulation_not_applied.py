from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "accumulation-not-applied"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/train_model_parameters/gradient_accumulation"


def declared(value: object, key: str = "gradient_accumulation_steps") -> Snapshot:
    return healthy(json_edits={CONFIG: {f"/train_model_parameters/{key}": value}})


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_fails_on_the_real_case() -> None:
    # 460,800 tokens in 450 steps of one row (total_flos, measured on the real class).
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "1,024 tokens a step are 1 row of 1,024: the declared accumulation 4 was not applied, unless each "
            "step held 4 rows that average exactly 256 tokens",
            CONFIG,
            KEY,
            expected="4",
            observed="1",
            evidence=(
                (
                    "batch-from-tokens: 1,024 tokens a step = 1 (train_batch_size) x 1 (processes) x 1,024 "
                    "(max_length) x 1"
                ),
            ),
        )
    ]


def test_fails_as_an_error_where_the_arguments_say_so_themselves() -> None:
    (found_one,) = found(RULE, declared(4))
    assert found_one.severity is ERROR
    assert found_one.at.member == "/train_model_parameters/gradient_accumulation_steps"
    assert (found_one.expected, found_one.observed) == ("4", "2")
    assert found_one.message == "gradient_accumulation_steps is declared as 4, and the event file says 2"


def test_passes_the_accumulation_that_the_tokens_show() -> None:
    # One row a step is what accumulation 1 gives.
    snapshot = seed(json_edits={CONFIG: {KEY: 1}})
    assert found(RULE, snapshot) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=("checkpoint-450/",))) == [
        "training_args.bin was not read (unfetched); it would show what the trainer received"
    ]
    assert reasons(RULE, seed(without=(CONFIG,))) == ["no gradient accumulation is declared"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]
