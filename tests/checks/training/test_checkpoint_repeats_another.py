import pytest

from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import ERROR, WARNING, found, reasons

RULE = "checkpoint-repeats-another"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    ("name", "severity"),
    [("adapter_model.safetensors", ERROR), ("optimizer.pt", ERROR), ("rng_state.pth", WARNING)],
)
def test_fails_for_a_file_of_the_earlier_checkpoint(name: str, severity: object) -> None:
    earlier = contents("tiny", "candidate")[0][f"checkpoint-9/{name}"]
    (item,) = found(RULE, healthy(data={f"checkpoint-18/{name}": earlier}))
    assert (item.severity, item.at.path) == (severity, f"checkpoint-18/{name}")
    assert item.message == f"checkpoint-18/{name} is checkpoint-9/{name}, byte by byte, 9 steps later"


def test_passes_for_random_states_that_nothing_draws_from() -> None:
    """Without dropout a step draws no random number on the CPU."""
    earlier = contents("tiny", "candidate")[0]["checkpoint-9/rng_state.pth"]
    quiet = {"checkpoint-18/adapter_config.json": {"/lora_dropout": 0.0}}
    assert found(RULE, healthy(data={"checkpoint-18/rng_state.pth": earlier}, json_edits=quiet)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["the run has fewer than two checkpoints"]
