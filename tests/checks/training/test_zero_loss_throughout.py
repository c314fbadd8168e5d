from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, rows, stateless, with_rows

RULE = "zero-loss-throughout"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_loss_that_is_zero_by_construction() -> None:
    assert found(RULE, with_rows([{**row, "loss": 0.0} for row in rows(ROOT_STATE)], ROOT_STATE)) == []


def test_fails() -> None:
    dead = [{**row, "loss": 0.0, "grad_norm": 0.0} for row in rows(ROOT_STATE) if "loss" in row]
    assert found(RULE, with_rows([*dead, {"step": 18, "train_loss": 0.0}], ROOT_STATE)) == [
        finding(
            RULE,
            WARNING,
            "loss and grad_norm are exactly zero in all 18 rows",
            ROOT_STATE,
            "/log_history",
            expected="a loss and a gradient",
            observed="0 and 0",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == ["no trainer_state.json was read"]


def test_fails_with_the_equal_adapters_as_evidence() -> None:
    read, _ = contents("tiny", "candidate")
    dead = [{**row, "loss": 0.0, "grad_norm": 0.0} for row in rows(ROOT_STATE) if "loss" in row]
    same = {
        f"checkpoint-{step}/adapter_model.safetensors": read["adapter_model.safetensors"] for step in (9, 18)
    }
    edits: dict[str, dict[str, object]] = {
        ROOT_STATE: {"/log_history": dead},
        **{f"checkpoint-{step}/trainer_state.json": {"/log_history": dead[:step]} for step in (9, 18)},
    }
    (item,) = found(RULE, healthy(json_edits=edits, data=same))
    assert item.evidence == ("adapter_model.safetensors is the same file in all 3 places",)
