from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.checks.training.parts import STATE, arguments, edits, state

RULE = "best-checkpoint-missing"
BEST = "C:\\runs\\out\\checkpoint-12"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, state(best_model_checkpoint="/elsewhere/out/checkpoint-9")) == []


def test_passes_a_folder_that_holds_nothing_readable() -> None:
    there = healthy(
        json_edits=edits(STATE, best_model_checkpoint=BEST),
        data={"checkpoint-12/notes.txt": b"pruned by hand"},
    )
    assert found(RULE, there) == []


def test_fails_as_a_note_since_pruning_is_usual() -> None:
    assert found(RULE, state(best_model_checkpoint=BEST)) == [
        finding(
            RULE,
            NOTE,
            "the best checkpoint, checkpoint-12, is not in the repository",
            STATE,
            "/best_model_checkpoint",
            expected="checkpoint-12",
            observed="checkpoint-9, checkpoint-18",
        )
    ]


def test_fails_where_the_best_was_to_be_loaded() -> None:
    data = {"checkpoint-18/training_args.bin": arguments(load_best_model_at_end=True)}
    (only,) = found(RULE, healthy(json_edits=edits(STATE, best_model_checkpoint=BEST), data=data))
    assert only.severity is WARNING


def test_says_when_it_cannot_look() -> None:
    alone = healthy(without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone) == ["the run publishes no checkpoint with a state"]


def test_cannot_look_where_checkpoints_are_deleted() -> None:
    """Seen in 10 public repositories: save_total_limit took the best one."""
    data = {f"checkpoint-{step}/training_args.bin": arguments(save_total_limit=2) for step in (9, 18)}
    there = healthy(json_edits=edits(STATE, best_model_checkpoint=BEST), data=data)
    assert reasons(RULE, there) == ["save_total_limit deletes checkpoints"]
