from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, alone, rows, stateless, with_rows

RULE = "log-steps-disordered"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_rows_that_share_a_step() -> None:
    shared = rows()
    shared.insert(9, {"epoch": 0.5, "eval_loss": 6.0, "step": 9})
    assert found(RULE, with_rows(shared)) == []


def test_fails() -> None:
    turned = rows()
    turned[4], turned[5] = turned[5], turned[4]
    assert found(RULE, with_rows(turned)) == [
        finding(
            RULE,
            ERROR,
            "log_history goes back from step 6 to 5",
            STATE,
            "/log_history/5/step",
            expected="6 or more",
            observed="5",
        )
    ]


def test_fails_for_a_row_beyond_the_end() -> None:
    (only,) = found(RULE, with_rows([*rows(), {"epoch": 1.05, "loss": 5.9, "step": 19}]))
    assert only.message == "log_history has a row of step 19, and the state is of step 18"


def test_fails_mildly_for_an_epoch_that_goes_back() -> None:
    resumed = rows()
    resumed[12]["epoch"] = 0.1
    (only,) = found(RULE, alone(resumed))
    assert only.severity is WARNING
    assert only.at.member == "/log_history/12/epoch"
    # The event file has the row's own epoch, so that events-differ-from-log-history says it.
    assert found(RULE, with_rows(resumed)) == []


def test_passes_a_streamed_dataset_whose_resumed_run_counts_from_zero() -> None:
    resumed = rows()
    resumed[12]["epoch"] = 0.0
    endless = {STATE: {"/log_history": resumed, "/num_train_epochs": 9223372036854775807}}
    assert [item.at.path for item in found(RULE, healthy(json_edits=endless))] == []


def test_fails_for_a_row_without_its_place() -> None:
    for key in ("step", "epoch"):
        bare = [{k: v for k, v in row.items() if n != 17 or k != key} for n, row in enumerate(rows())]
        (only,) = found(RULE, with_rows(bare))
        assert (only.severity, only.message) == (WARNING, f"row 17 of log_history has no {key}")


def test_passes_rows_of_a_callback_that_have_no_step() -> None:
    """A callback that predicts after each epoch may append what it measured without a step."""
    more: list[dict[str, object]] = [*rows(), {"epoch": 1.0, "predict_loss": 5.5, "predict_runtime": 2.0}]
    assert found(RULE, with_rows(more)) == []


def test_passes_an_epoch_that_another_batch_size_sets_back() -> None:
    """One cause: the finding is batch-size-differs-from-arguments."""
    resumed = rows()
    resumed[12]["epoch"] = 0.1
    snapshot = healthy(json_edits={STATE: {"/log_history": resumed, "/train_batch_size": 3}})
    assert found(RULE, snapshot) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
