import json

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-base-is-local-path"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    path = "/cheetah/input/model/groupuser/gemma-3-4b-it"
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            f"the card's base_model is a path of one machine: {path}",
            f"checkpoint-450/{CARD}",
            "base_model",
            expected="a hub id",
            observed=path,
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]


def test_passes_a_checkpoint_whose_run_names_the_model() -> None:
    """Seen in a public repository: the run's configuration has the hub id, its checkpoints' cards a folder's path."""
    card = "---\nbase_model: /root/models/tiny-gemma3\n---\n"
    assert found(RULE, healthy(text={f"checkpoint-9/{CARD}": card})) == []
    other = "---\nbase_model: /root/models/another\n---\n"
    assert len(found(RULE, healthy(text={f"checkpoint-9/{CARD}": other}))) == 1


def test_passes_a_project_s_adapter_whose_configuration_says_the_same() -> None:
    """PEFT copied it: base-model-path-is-local tells it once."""
    path = "/root/models/llama"
    config = json.dumps({"peft_type": "LORA", "r": 8, "base_model_name_or_path": path}).encode()
    card = f"---\nbase_model: {path}\n---\n".encode()
    files = {"out/adapter_config.json": config, f"out/{CARD}": card}
    assert found(RULE, memory_snapshot("x", files)) == []
    assert len(found(RULE, memory_snapshot("x", {CARD: card}))) == 1
