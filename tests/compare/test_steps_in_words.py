import pytest

from auditor.compare.states import steps_in_words

UNEXPLAINED = "scaler.pt tells of 3 skipped, which does not explain it"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            steps_in_words(450, [450.0], 450),
            ("every parameter was updated in all 450 steps", "the scheduler made all 450 steps"),
        ),
        (
            steps_in_words(450, [447.0], 447, (3, 3)),
            (
                "every parameter was updated 447 times in 450 steps; scaler.pt tells of 3 skipped, which explains it",
                "the scheduler made 447 of 450 steps; scaler.pt tells of 3 skipped, which explains it",
            ),
        ),
        (
            steps_in_words(450, [440.0], None, (3, 3)),
            (f"every parameter was updated 440 times in 450 steps; {UNEXPLAINED}",),
        ),
        (
            steps_in_words(4500, None, 4498, (1, 4)),
            (
                "the scheduler made 4,498 of 4,500 steps; scaler.pt tells of 1 to 4 skipped, which explains it",
            ),
        ),
        (steps_in_words(450, [460.0], None, (3, 3)), ("every parameter was updated 460 times in 450 steps",)),
        (steps_in_words(450, {9.0, 450.0}), ("parameters were updated 9 to 450 times in 450 steps",)),
        (
            steps_in_words(450, [], 450),
            ("the optimizer counts no updates", "the scheduler made all 450 steps"),
        ),
        (
            steps_in_words(1, [1.0], 1),
            ("every parameter was updated in the only step", "the scheduler made the only step"),
        ),
        (steps_in_words(450), ()),
        (steps_in_words(None, [3.0], 3), ()),
    ],
)
def test_counters_are_held_against_each_other(told: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert told == expected
