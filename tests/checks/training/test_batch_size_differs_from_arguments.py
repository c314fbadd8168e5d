from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import STATE, STATES, arguments, edits, event_path, events, scalars, state

RULE = "batch-size-differs-from-arguments"
OWN = "checkpoint-18/training_args.bin"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_where_the_search_was_on() -> None:
    data = {OWN: arguments(per_device_train_batch_size=4, auto_find_batch_size=True)}
    assert found(RULE, healthy(data=data)) == []


def test_passes_two_gpus_in_one_process() -> None:
    snapshot = healthy(json_edits=edits(STATE, train_batch_size=2), data={OWN: arguments(_n_gpu=2)})
    assert found(RULE, snapshot) == []


def test_fails_as_an_error_in_a_run_that_was_not_resumed() -> None:
    # The event file's first training scalar is of step 1, and a log is made at every step.
    assert found(RULE, healthy(data={OWN: arguments(per_device_train_batch_size=2)})) == [
        finding(
            RULE,
            ERROR,
            "the micro-batch that ran is 1, and checkpoint-18/training_args.bin says 2",
            STATE,
            "/train_batch_size",
            expected="2",
            observed="1",
            evidence=("the event file begins with the run: nothing was resumed",),
        )
    ]


def test_fails_as_a_warning_where_it_may_have_been_resumed() -> None:
    data = {OWN: arguments(per_device_train_batch_size=2)}
    late = {tag: [point for point in points if point[0] > 9] for tag, points in scalars().items()}
    (only,) = found(RULE, healthy(data={**data, event_path(): events(late)}))
    assert only.severity is WARNING
    (only,) = found(RULE, healthy(data=data, without=[event_path()]))
    assert only.severity is WARNING


def test_fails_for_a_multiple_that_the_gpus_do_not_explain() -> None:
    (only,) = found(
        RULE, healthy(json_edits=edits(STATE, train_batch_size=4), data={OWN: arguments(_n_gpu=1)})
    )
    assert only.observed == "4"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/training_args.bin was not read: unfetched (and 1 more)"]
    gone = {path: {"/train_batch_size": DELETE} for path in STATES}
    assert reasons(RULE, healthy(json_edits=gone)) == ["the micro-batch is not recorded on both sides"] * 3
    twice = "several GPUs in one process multiply the micro-batch"
    snapshot = healthy(json_edits=edits(STATE, train_batch_size=2), data={OWN: arguments(_n_gpu=2)})
    assert reasons(RULE, snapshot) == [twice]
    assert found(RULE, state(train_batch_size=1)) == []
