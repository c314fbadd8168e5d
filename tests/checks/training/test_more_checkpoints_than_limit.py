from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ARGUMENTS,
    CONFIG,
    arguments,
    event_args,
    event_path,
    events,
    everywhere,
)

RULE = "more-checkpoints-than-limit"


def third() -> dict[str, bytes]:
    """A third checkpoint that continues the others."""
    read, _ = contents("tiny", "candidate")
    return {"checkpoint-27/adapter_config.json": read["adapter_config.json"]}


def limited(limit: int) -> dict[str, bytes]:
    return {
        **everywhere(arguments(save_total_limit=limit)),
        event_path(): events(args={**event_args(), "save_total_limit": limit}),
    }


def test_passes() -> None:
    assert found(RULE, seed()) == []


def test_passes_one_more_for_the_best() -> None:
    assert found(RULE, healthy(data=limited(1))) == []


def test_passes_checkpoints_of_two_runs() -> None:
    # checkpoint-27 is of another rank, so it is a run of its own and counted apart.
    other = third()["checkpoint-27/adapter_config.json"].replace(b'"r": 8', b'"r": 4')
    assert b'"r": 4' in other
    assert found(RULE, healthy(data={**limited(1), "checkpoint-27/adapter_config.json": other})) == []


def test_fails() -> None:
    assert found(RULE, healthy(data={**limited(1), **third()})) == [
        finding(
            RULE,
            WARNING,
            "3 checkpoints are published, and save_total_limit is 1",
            ARGUMENTS,
            "save_total_limit",
            expected="at most 1, and the best one",
            observed="checkpoint-9, checkpoint-18, checkpoint-27",
        )
    ]


def test_fails_by_the_declaration_alone() -> None:
    gone = [ARGUMENTS, "checkpoint-9/training_args.bin", "checkpoint-18/training_args.bin", event_path()]
    edits: dict[str, dict[str, object]] = {CONFIG: {"/train_model_parameters/save_total_limit": 1}}
    (only,) = found(RULE, healthy(json_edits=edits, data=third(), without=gone))
    assert only.at.path == CONFIG


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no save_total_limit is set"]
