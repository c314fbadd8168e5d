from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, recipe_only, without_recipe
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "evaluation-strategy-removed"
PLACE = f"{TRAIN}/evaluation_strategy"
SAYS = 'evaluation_strategy "epoch" is declared, a name that Transformers dropped in 4.51'


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, declared(eval_strategy=DELETE, evaluation_strategy="no")) == []


def test_fails_on_the_real_case_whose_release_may_have_had_it() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            SAYS,
            CONFIG,
            PLACE,
            expected="eval_strategy",
            observed="evaluation_strategy",
            evidence=(
                "the files were written by Transformers 4.50.0 to 4.51.3, which may or may not have had the old name",
            ),
        )
    ]


def test_fails_under_a_release_without_the_name() -> None:
    (only,) = found(RULE, declared(eval_strategy=DELETE, evaluation_strategy="epoch"))
    assert only.message == SAYS
    assert only.evidence == ("the files were written by Transformers 5.23.0",)


def test_fails_where_no_release_is_known() -> None:
    (only,) = found(RULE, recipe_only(eval_strategy=DELETE, evaluation_strategy="epoch"))
    assert only.evidence[0].startswith("the files were written by an unknown release of Transformers")


def test_passes_for_a_release_that_had_the_name() -> None:
    # A state of 19 keys, without best_global_step, is one of 4.49.0 or older.
    state = "checkpoint-450/trainer_state.json"
    config = "checkpoint-450/adapter_config.json"
    edits: dict[str, dict[str, object]] = {state: {"/best_global_step": DELETE}}
    edits |= {path: {"/auto_mapping": None} for path in (config, "adapter_config.json")}
    assert found(RULE, seed(json_edits=edits)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
