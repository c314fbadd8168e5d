from tests.builders.example_edits import pickled
from tests.builders.repositories import DELETE, contents, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import EARLY, ROOT_STATE, STATE, edits, rows, state

RULE = "training-states-differ"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_final_state_of_another_run() -> None:
    """Its rows are not the continuation, which another rule reports."""
    other = [{**row, "loss": 1.0} for row in rows()]
    changed = {ROOT_STATE: {"/log_history": other, "/max_steps": 36}}
    assert found(RULE, healthy(json_edits=changed)) == []


def test_passes_a_run_resumed_with_other_arguments() -> None:
    """The arguments of the two checkpoints differ too, which is one finding already."""
    path = "checkpoint-9/training_args.bin"
    longer = {path: pickled(contents("tiny", "candidate")[0][path], "num_train_epochs", 2)}
    edits_ = {EARLY: {"/num_train_epochs": 2, "/max_steps": 36, "/epoch": 0.5}}
    assert found(RULE, healthy(json_edits=edits_, data=longer)) == []


def test_fails_for_a_value_that_does_not_change() -> None:
    assert found(RULE, state(EARLY, save_steps=3)) == [
        finding(
            RULE,
            WARNING,
            "checkpoint-9/trainer_state.json and checkpoint-18/trainer_state.json disagree on 1 value: save_steps",
            EARLY,
            "/save_steps",
            expected="save_steps 9",
            observed="save_steps 3",
        )
    ]


def test_fails_for_two_copies_of_one_step() -> None:
    """checkpoint-18 and the root are both of step 18; checkpoint-9 has its own total_flos."""
    (only,) = found(RULE, state(ROOT_STATE, total_flos=1.0))
    assert (only.at.path, only.expected) == (ROOT_STATE, "total_flos 1662861312.0")


def test_passes_what_other_rules_report() -> None:
    """A key that one copy lacks, a value of a wrong type, and flags that no checkpoint has."""
    flag = {STATE: {"/stateful_callbacks/TrainerControl/args/should_save": False}}
    assert found(RULE, healthy(json_edits=flag)) == []
    for changed in ({"/eval_steps": DELETE}, {"/max_steps": "18"}, {"/total_flos": None}, {"/epoch": DELETE}):
        assert found(RULE, healthy(json_edits={EARLY: changed})) == []


def test_fails_for_a_counter_that_one_copy_lacks() -> None:
    (only,) = found(RULE, healthy(json_edits=edits(ROOT_STATE, epoch=None)))
    assert (only.at.path, only.observed) == (ROOT_STATE, "epoch null")


def test_says_when_it_cannot_look() -> None:
    skip = "the run holds fewer than two copies of trainer_state.json"
    assert reasons(RULE, seed()) == [skip]
    assert reasons(RULE, healthy(without=[ROOT_STATE, EARLY])) == [skip]
