from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ARGUMENTS,
    CONFIG,
    STATE,
    STATES,
    arguments,
    event_path,
    nothing,
    stateless,
)

RULE = "empty-log-history"
PLACE = "/log_history"
EVENTS = (
    "runs/May08_02-15-44_fine-tuning-01jtptcd84q7n2v5x8b3k6m9r4-w7x2q/"
    "events.out.tfevents.1746670545.fine-tuning-01jtptcd84q7n2v5x8b3k6m9r4-w7x2q"
)
EXPLAINED = (
    "the list stays empty under save_strategy steps (not declared; the trainer's default) with logging_strategy "
    "epoch"
)
WANTED = "rows with the loss, here or in a trainer_state.json of the end of training"
EMPTY: dict[str, dict[str, object]] = {path: {PLACE: []} for path in STATES}
NO_ARGUMENTS = [f"{folder}training_args.bin" for folder in ("", "checkpoint-9/", "checkpoint-18/")]


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_when_one_state_has_rows() -> None:
    edits: dict[str, dict[str, object]] = {path: {PLACE: []} for path in STATES[1:]}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_on_the_real_case_and_says_where_the_loss_may_be() -> None:
    # Measured matrix: with logging by epoch and evaluation on, only saving by steps leaves the list empty.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "log_history is empty after 450 steps: no loss is in this file",
            "checkpoint-450/trainer_state.json",
            PLACE,
            expected=WANTED,
            observed="[]",
            evidence=(
                EXPLAINED,
                f"{EVENTS} may hold the losses; it was not read or has no scalars",
            ),
        )
    ]


def test_names_every_explanation_when_it_fails_without_any_declaration() -> None:
    (only,) = found(RULE, seed(without=["cheetah-fine-tuning-config.json", "runs/"]))
    assert only.evidence == (
        f"{EXPLAINED} or no; or under save_strategy epoch with logging_strategy no and no evaluation",
        "no event file is in the repository",
    )


def test_fails_as_a_note_where_no_log_was_due() -> None:
    edits = {path: {PLACE: [], "/logging_steps": 500} for path in STATES}
    gone = [CONFIG, event_path(), *NO_ARGUMENTS]
    (only,) = found(RULE, healthy(json_edits=edits, without=gone))
    assert only.severity is NOTE
    assert only.evidence == ("logging_steps is 500: no log was due", "no event file is in the repository")


def test_fails_as_a_note_where_the_event_file_holds_the_losses() -> None:
    data = {ARGUMENTS: arguments(logging_strategy="epoch")}
    gone = [path for path in NO_ARGUMENTS if path != ARGUMENTS]
    (only,) = found(RULE, healthy(json_edits=EMPTY, data=data, without=gone))
    assert only.severity is NOTE
    assert only.at.path == STATE
    assert only.evidence[-1] == f"the losses are in {event_path()}"


def test_passes_to_the_rule_of_impossible_lists() -> None:
    assert found(RULE, healthy(json_edits=EMPTY)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == ["no trainer_state.json was read"]
    assert reasons(RULE, nothing()) == ["no adapter, checkpoint or trainer state was found"]


def test_cannot_look_where_the_arguments_prove_that_no_log_was_due() -> None:
    edits = {path: {PLACE: [], "/logging_steps": 500} for path in STATES}
    data = {ARGUMENTS: arguments(logging_strategy="steps", logging_steps=500)}
    gone = [CONFIG, event_path(), *(path for path in NO_ARGUMENTS if path != ARGUMENTS)]
    assert reasons(RULE, healthy(json_edits=edits, data=data, without=gone)) == [
        "the arguments ask for a log every 500 steps: none was due"
    ]
