from tests.builders.example_edits import pickled
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.checks.training.parts import ARGUMENTS

RULE = "training-arguments-differ"
EARLY = "checkpoint-9/training_args.bin"
LATE = "checkpoint-18/training_args.bin"


def with_argument(key: str, value: object, path: str = EARLY) -> dict[str, bytes]:
    """The honest copy at a path with another argument."""
    return {path: pickled(contents("tiny", "candidate")[0][path], key, value)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_another_folder_of_another_machine() -> None:
    assert found(RULE, healthy(data=with_argument("output_dir", "/elsewhere"))) == []


def test_fails() -> None:
    assert found(RULE, healthy(data=with_argument("learning_rate", 0.003))) == [
        finding(
            RULE,
            WARNING,
            "checkpoint-9/training_args.bin differs from the run's other copies in 1 argument: learning_rate",
            EARLY,
            "learning_rate",
            # The honest run's rate, in its declared config too.
            expected="learning_rate 0.002",
            observed="learning_rate 0.003",
        )
    ]


def test_fails_once_where_a_run_was_resumed_with_other_arguments() -> None:
    """The later copies agree, and the last checkpoint's counts where there are two opinions."""
    (only,) = found(RULE, healthy(data=with_argument("seed", 7), without=[ARGUMENTS]))
    assert (only.at.path, only.expected, only.observed) == (EARLY, "seed 42", "seed 7")


def test_a_run_that_was_continued_is_a_note() -> None:
    (only,) = found(RULE, healthy(data=with_argument("num_train_epochs", 2.0)))
    assert (only.severity, only.at.member) == (NOTE, "num_train_epochs")
    one = pickled(contents("tiny", "candidate")[0][EARLY], "num_train_epochs", 2.0)
    (only,) = found(RULE, healthy(data={EARLY: pickled(one, "seed", 7)}))
    assert only.severity == WARNING


def test_says_when_it_cannot_look() -> None:
    skip = "the run holds fewer than two copies of training_args.bin"
    assert reasons(RULE, seed()) == [skip]
    assert reasons(RULE, healthy(without=[ARGUMENTS, LATE])) == [skip]
