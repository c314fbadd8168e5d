from tests.builders.repositories import healthy
from tests.checks.card.cards import CARD, honest
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "pipeline-tag-contradicts-task"
CONFIG = "adapter_config.json"
REASON = "the card names no pipeline, or the adapter no task that needs one of its own"


def test_passes_the_adapter_s_own_task() -> None:
    text = honest().replace("text-generation", "text-classification")
    snapshot = healthy(text={CARD: text}, json_edits={CONFIG: {"/task_type": "SEQ_CLS"}})
    assert found(RULE, snapshot) == []


def test_fails_as_a_note() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/task_type": "SEQ_CLS"}})) == [
        finding(
            RULE,
            NOTE,
            "pipeline_tag is text-generation, and the adapter's task_type is SEQ_CLS",
            CARD,
            "pipeline_tag",
            expected="text-classification",
            observed="text-generation",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert set(reasons(RULE, healthy())) == {REASON}
