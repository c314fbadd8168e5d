from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "versions-conflict"
STATE, ADAPTER = "checkpoint-450/trainer_state.json", "checkpoint-450/adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_where_state_and_model_class_exclude_each_other() -> None:
    # best_global_step came with transformers 4.50.0, models/gemma3 as well.
    assert found(RULE, seed(json_edits={STATE: {"/best_global_step": DELETE}})) == [
        finding(
            RULE,
            WARNING,
            f"{STATE} was written by Transformers 4.41.0 to 4.49.0, {ADAPTER} by Transformers 4.50.0 or newer: "
            "no release can have written both",
            STATE,
            evidence=(
                (
                    f"{STATE}: exactly the 19 keys that Transformers 4.41.0 to 4.49.0 writes; "
                    f"{ADAPTER}: `Gemma3ForConditionalGeneration` came with Transformers 4.50.0"
                ),
            ),
        )
    ]


def test_fails_where_the_card_names_another_release_than_the_file() -> None:
    edits = {"checkpoint-18/adapter_config.json": {"/peft_version": "0.18.0"}}
    (found_one,) = found(RULE, healthy(json_edits=edits))
    assert found_one.at.path == "checkpoint-18/adapter_config.json"
    assert "PEFT 0.18.0" in found_one.message


def test_says_when_it_cannot_look() -> None:
    snapshot = memory_snapshot("bare", {"adapter_config.json": b'{"peft_type": "NO_METHOD"}'})
    assert reasons(RULE, snapshot) == ["no file tells which release of Transformers or PEFT wrote it"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]
