from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import ARGUMENTS, event_args, event_path, events, with_events

RULE = "event-arguments-differ"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_places_and_names() -> None:
    args = {**event_args(), "output_dir": "/elsewhere", "run_name": "x", "logging_dir": "y"}
    assert found(RULE, with_events(events(args=args))) == []


def test_passes_when_one_of_two_files_agrees() -> None:
    other = "runs/other/events.out.tfevents.1768460000.tiny-trainer.1.0"
    assert found(RULE, healthy(data={other: events(args={**event_args(), "seed": 7})})) == []


def test_passes_an_argument_that_is_filled_in_while_training_runs() -> None:
    """ms-swift 4.6.0 logs null when training begins, and pickles what the first batch made of it."""
    copies = (ARGUMENTS, "checkpoint-9/training_args.bin", "checkpoint-18/training_args.bin")
    for logged, count in ((None, 0), (False, 1)):
        made = make_training_args({**event_args(), "use_logits_to_keep": True})
        args = {**event_args(), "use_logits_to_keep": logged}
        data = {event_path(): events(args=args), **dict.fromkeys(copies, made)}
        assert len(found(RULE, healthy(data=data))) == count


def test_fails() -> None:
    args = {**event_args(), "learning_rate": 0.001, "seed": 7}
    assert found(RULE, with_events(events(args=args))) == [
        finding(
            RULE,
            ERROR,
            "the event file and training_args.bin disagree on 2 arguments: learning_rate and seed",
            event_path(),
            "args/learning_rate",
            expected="learning_rate 0.002",
            observed="learning_rate 0.001",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    missing = "training_args.bin or the arguments in an event file are missing"
    assert reasons(RULE, seed()) == [missing]
    gone = [ARGUMENTS, "checkpoint-9/training_args.bin", "checkpoint-18/training_args.bin"]
    assert reasons(RULE, healthy(without=gone)) == [missing]
