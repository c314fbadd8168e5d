from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, state, stateless

RULE = "hyperparameter-search-trial"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    # What _hp_search_setup leaves: the flag, a name and the values tried.
    trial = {"is_hyper_param_search": True, "trial_params": {"learning_rate": 0.001}}
    assert found(RULE, state(STATE, **trial)) == [
        finding(
            RULE,
            NOTE,
            f"{STATE} is of a trial of a hyperparameter search: is_hyper_param_search is true",
            STATE,
            "/is_hyper_param_search",
            expected="a single training",
            observed='{"learning_rate": 0.001}',
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
