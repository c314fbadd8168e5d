from auditor.model import Snapshot
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "process-count-differs"
SINGLE = "checkpoint-18/rng_state.pth"


def ranked(*ranks: int, processes: int = 4) -> Snapshot:
    data = {f"checkpoint-18/rng_state_{rank}.pth": b"" for rank in ranks}
    data["checkpoint-18/training_args.bin"] = make_training_args({"seed": 1}, processes=processes)
    return healthy(data=data, without=[SINGLE])


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, ranked(0, 1, 2, 3)) == []


def test_passes_one_node_of_several() -> None:
    assert found(RULE, ranked(0, 1, processes=4)) == []
    assert found(RULE, ranked(8, 9, 10, processes=16)) == []


def test_fails_for_both_kinds() -> None:
    assert found(RULE, healthy(data={"checkpoint-18/rng_state_1.pth": b""})) == [
        finding(
            RULE,
            WARNING,
            "checkpoint-18 holds rng_state.pth of one process and 1 file of several",
            SINGLE,
            expected="one kind",
            observed="both",
        )
    ]


def test_fails_for_a_missing_rank() -> None:
    (only,) = found(RULE, ranked(0, 1, 3))
    assert only.message == "checkpoint-18 lacks the rng_state of rank 2"
    assert only.expected == "ranks 0 to 3"


def test_fails_against_the_arguments() -> None:
    (only,) = found(RULE, ranked(0, 1, processes=1))
    assert (
        only.message
        == "checkpoint-18 holds rng_state files of several processes, and training_args.bin counts 1"
    )
    data = {"checkpoint-18/training_args.bin": make_training_args({"seed": 1}, processes=2)}
    (only,) = found(RULE, healthy(data=data))
    assert (
        only.message == "checkpoint-18 holds rng_state files of one process, and training_args.bin counts 2"
    )


def test_says_when_it_cannot_look() -> None:
    gone = ["checkpoint-9/rng_state.pth", SINGLE]
    assert reasons(RULE, healthy(without=gone)) == ["no checkpoint holds an rng_state file"]
