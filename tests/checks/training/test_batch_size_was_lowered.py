from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import (
    CONFIG,
    NO_RUN,
    STATE,
    arguments,
    event_args,
    event_path,
    events,
    everywhere,
    nothing,
    stateless,
)

RULE = "batch-size-was-lowered"
PLACE = "/train_batch_size"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_where_the_search_was_off() -> None:
    edits: dict[str, dict[str, object]] = {
        "checkpoint-450/trainer_state.json": {PLACE: 1},
        CONFIG: {"/train_model_parameters/auto_find_batch_size": False},
    }
    assert found(RULE, seed(json_edits=edits)) == []


def test_fails_on_the_real_case_with_the_effective_batch() -> None:
    # 1024 tokens a step are one row of 1024, so 1 x 1 x 1 ran where 4 x 4 x 1 were declared.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "training ran with a micro-batch of 1, and 4 was asked for: auto_find_batch_size allows that",
            "checkpoint-450/trainer_state.json",
            PLACE,
            expected="4",
            observed="1",
            evidence=("1 x 1 (accumulation) x 1 (processes) = 1 row a step; 4 x 4 x 1 = 16 were asked for",),
        )
    ]


def test_fails_by_the_arguments_that_arrived() -> None:
    received: dict[str, object] = {"per_device_train_batch_size": 8, "auto_find_batch_size": True}
    data = {
        **everywhere(arguments(gradient_accumulation_steps=2, **received)),
        event_path(): events(args={**event_args(), **received}),
    }
    (only,) = found(RULE, healthy(data=data, without=[CONFIG]))
    assert only.at.path == STATE
    assert only.evidence == (
        "1 x 2 (accumulation) x 1 (processes) = 2 rows a step; 8 x 2 x 1 = 16 were asked for",
    )


def test_says_when_it_cannot_look() -> None:
    missing = "the micro-batch that was asked for or the one that ran is not recorded"
    assert reasons(RULE, stateless()) == [missing]
    assert reasons(RULE, nothing()) == [NO_RUN]
